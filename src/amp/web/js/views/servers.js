// All servers and sniffers: whether they are up, and what they tell.

import { el, facts, setText } from "../dom.js";
import { bytes, count, rate, span, whole } from "../format.js";
import { amp } from "../http.js";
import { Sparkline } from "../sparkline.js";

const KINDS = { asterisk: "Asterisk", voipmonitor: "VoIPmonitor sniffer" };

export class ServersView {
  #fleet;
  #cards = new Map();
  #seen = false;

  constructor(fleet) {
    this.#fleet = fleet;
    this.tiles = ["Servers up", "Live calls", "Events a second", "Connections"].map((label) => new Tile(label));
    this.spark = new Sparkline();
    this.tiles[2].element.append(this.spark.element);
    this.list = el("ul", { class: "cards", "aria-label": "Servers" });
    this.about = el("p", { class: "about" });
    this.empty = el("p", { class: "empty", text: "Asking amp for its servers…" });
    this.element = el(
      "section",
      { class: "view view-servers" },
      el("h1", { tabindex: -1, text: "Servers" }),
      el("dl", { class: "tiles" }, ...this.tiles.map((tile) => tile.element)),
      this.list,
      this.empty,
      this.about,
    );
    for (const what of ["servers", "calls", "connection"]) {
      fleet.addEventListener(what, () => this.#seen && this.#draw());
    }
  }

  enter() {
    this.#seen = true;
    this.#draw();
  }

  leave() {
    this.#seen = false;
  }

  #draw() {
    const { servers, stats, calls } = this.#fleet;
    calls.rows();
    const all = [...servers.values()];
    const up = all.filter(({ shown }) => shown.state === "up").length;
    const live = all.reduce((sum, { shown }) => sum + calls.count(shown.name), 0);
    this.tiles[0].show(`${up} of ${all.length}`, up < all.length ? "bad" : "");
    this.tiles[1].show(whole(live));
    this.tiles[2].show(this.#fleet.history.length ? rate(this.#fleet.history.at(-1)) : "–");
    this.spark.draw(this.#fleet.history);
    this.tiles[3].show(stats.version ? whole(stats.connections) : "–");
    if (stats.version) setText(this.about, `${stats.name} · amp ${stats.version} · up for ${span(stats.uptime_s)}`);
    if (stats.version) setText(this.empty, "No servers are configured, or none that you may see.");
    this.empty.hidden = all.length > 0;
    this.#drawCards(all);
  }

  /** What is down comes first. */
  #drawCards(all) {
    const names = new Set(all.map(({ shown }) => shown.name));
    for (const [name, card] of this.#cards) {
      if (names.has(name)) continue;
      card.element.remove();
      this.#cards.delete(name);
    }
    const ordered = [...all].sort((one, other) => (one.shown.state === "up") - (other.shown.state === "up"));
    ordered.forEach((watched, place) => {
      const { name } = watched.shown;
      if (!this.#cards.has(name)) this.#cards.set(name, new Card());
      const card = this.#cards.get(name);
      card.draw(watched, this.#fleet);
      if (this.list.children[place] !== card.element) this.list.insertBefore(card.element, this.list.children[place]);
    });
  }
}

class Tile {
  constructor(label) {
    this.value = el("dd", { text: "–" });
    this.element = el("div", { class: "tile" }, el("dt", { text: label }), this.value);
  }

  show(text, tone = "") {
    setText(this.value, text);
    this.element.dataset.tone = tone;
  }
}

class Card {
  constructor() {
    this.name = el("h2");
    this.state = el("span", { class: "state" });
    this.place = el("p", { class: "place" });
    this.rate = el("span", { class: "big" });
    this.spark = new Sparkline();
    this.rest = el("div");
    this.reason = el("p", { class: "reason" });
    this.element = el(
      "li",
      { class: "card server" },
      el("div", { class: "card-head" }, this.name, this.state),
      this.place,
      this.reason,
      el("div", { class: "flow" }, el("p", {}, this.rate, " events/s"), this.spark.element),
      this.rest,
    );
  }

  draw(watched, fleet) {
    const { shown, rates, history } = watched;
    const down = shown.state !== "up";
    setText(this.name, shown.name);
    setText(this.state, down ? "Down" : shown.paused ? "Paused" : "Up");
    this.element.dataset.state = down ? "down" : shown.paused ? "paused" : "up";
    const version = fleet.version(shown);
    const kind = KINDS[shown.kind] ?? shown.kind;
    setText(this.place, [`${kind}${version ? ` ${version}` : ""}`, placeOf(shown)].join(" · "));
    setText(this.reason, down ? shown.reason || "not connected" : (fleet.unlisted.get(shown.name) ?? ""));
    this.reason.hidden = !this.reason.textContent;
    setText(this.rate, rate(rates.events));
    this.spark.draw(history);
    const text = this.#facts(shown, rates, fleet);
    if (this.rest.textContent !== text.textContent) this.rest.replaceChildren(text);
  }

  #facts(shown, rates, fleet) {
    const since = shown.since ? span((amp.now() - Date.parse(shown.since)) / 1000) : "";
    const asterisk = shown.kind === "asterisk";
    return facts([
      ["Calls", fleet.unlisted.has(shown.name) ? "" : whole(fleet.calls.count(shown.name))],
      [asterisk ? "Actions/s" : "Commands/s", rate(rates.actions)],
      ["Waiting", waitingOf(shown)],
      ["Read", asterisk ? `${bytes(rates.bytes)}/s` : ""],
      ["Links", asterisk ? shown.links : ""],
      ["Failed", asterisk ? "" : whole(shown.failed)],
      [shown.state === "up" ? "Up for" : "Down for", since],
    ]);
  }
}

function placeOf({ host, port }) {
  return port ? `${host}:${port}` : host;
}

function waitingOf({ pending, oldest_pending_s: oldest }) {
  return oldest >= 1 ? `${count(pending, "action")}, the oldest ${span(oldest)}` : whole(pending);
}
