// Events as they come: filtered, paused, looked at.

import { announce } from "../announce.js";
import { Details } from "../details.js";
import { el, facts, field, setText } from "../dom.js";
import { clock, count, dayAndClock } from "../format.js";
import { Grid } from "../grid.js";

/** The latest are kept; the oldest go. */
const MOST = 5000;
const DRAW_MS = 250;
/** The headers that say most, in this order, where there is room for one line. */
const TELLING = [
  "Channel", "DestChannel", "LocalOneChannel", "Device", "Queue", "UserEvent", "CallID", "Peer", "EndpointName",
  "ChannelStateDesc", "Application", "AppData", "Variable", "Value", "DialStatus", "State", "Member", "Interface",
  "BridgeUniqueid", "Reason", "Cause-txt", "Changed",
];

const COLUMNS = [
  { key: "time", label: "Time", text: (row) => clock(row.at) },
  { key: "server", label: "Server", text: (row) => row.server },
  { key: "event", label: "Event", text: (row) => row.name },
  { key: "summary", label: "What", text: (row) => row.summary, paint },
];

function paint(cell, row) {
  cell.parentElement.classList.toggle("gap", row.gap === true);
}

export class EventsView {
  #fleet;
  #rows = [];
  #held = [];
  #paused = false;
  #seen = false;
  #number = 0;
  #timer = 0;
  #filter = () => true;
  #changed = true;

  constructor(fleet) {
    this.#fleet = fleet;
    this.server = el("select", {}, el("option", { value: "", text: "all" }));
    this.names = el("input", { type: "search", placeholder: "Newchannel, Sniffer*", autocomplete: "off" });
    this.words = el("input", { type: "search", autocomplete: "off" });
    this.pause = el("button", { type: "button", "aria-pressed": "false", text: "Pause" });
    this.clear = el("button", { type: "button", class: "quiet", text: "Clear" });
    this.total = el("p", { class: "total" });
    this.details = new Details();
    this.grid = new Grid({
      label: "Events, the newest first",
      kind: "events",
      columns: COLUMNS,
      keyOf: (row) => row.key,
      onOpen: (row) => this.details.show(row.name, this.grid.grid, ...parts(row)),
      empty: "No events yet.",
      order: null,
    });
    this.#listen();
    this.element = el(
      "section",
      { class: "view view-table" },
      el("div", { class: "bar" }, el("h1", { tabindex: -1, text: "Events" }), this.total,
        field("Server", this.server), field("Event names", this.names, { class: "field grow" }),
        field("Containing", this.words, { class: "field grow" }),
        el("div", { class: "buttons" }, this.pause, this.clear)),
      el("div", { class: "beside" }, this.grid.element, this.details.element),
    );
  }

  enter() {
    this.#seen = true;
    if (this.#rows.length) this.#add(rowOfBreak());
    this.#fleet.seeAll(true);
    this.#showServers();
    this.#timer = setInterval(() => this.#draw(), DRAW_MS);
    this.#draw();
  }

  leave() {
    this.#seen = false;
    this.#fleet.seeAll(false);
    clearInterval(this.#timer);
  }

  #listen() {
    this.#fleet.addEventListener("event", ({ detail }) => this.#seen && this.#add(rowOf(detail)));
    this.#fleet.addEventListener("gap", ({ detail }) => this.#seen && this.#add(rowOfGap(detail)));
    this.#fleet.addEventListener("servers", () => this.#seen && this.#showServers());
    for (const input of [this.server, this.names, this.words]) {
      input.addEventListener("input", () => this.#refilter());
    }
    this.pause.addEventListener("click", () => this.#setPaused(!this.#paused));
    this.clear.addEventListener("click", () => {
      this.#rows = [];
      this.#held = [];
      this.#changed = true;
      this.#draw();
      announce("Cleared.");
    });
  }

  #add(row) {
    this.#number += 1;
    row.key = String(this.#number);
    const to = this.#paused ? this.#held : this.#rows;
    to.push(row);
    if (to.length > MOST * 1.2) to.splice(0, to.length - MOST);
    this.#changed = true;
  }

  #setPaused(paused) {
    this.#paused = paused;
    this.pause.setAttribute("aria-pressed", String(paused));
    if (!paused) {
      this.#rows = [...this.#rows, ...this.#held].slice(-MOST);
      this.#held = [];
    }
    this.#changed = true;
    this.#draw();
  }

  #refilter() {
    const server = this.server.value;
    const globs = this.names.value.split(/[\s,]+/).filter(Boolean).map(globOf);
    const words = this.words.value.trim().toLowerCase();
    this.#filter = (row) =>
      (!server || row.server === server) &&
      (!globs.length || globs.some((glob) => glob.test(row.name))) &&
      (!words || textOf(row).includes(words));
    this.#changed = true;
    this.#draw();
  }

  #draw() {
    if (!this.#changed) return;
    this.#changed = false;
    const found = this.#rows.filter(this.#filter).reverse();
    this.grid.show(found);
    const waiting = this.#paused ? `, ${count(this.#held.length, "new event")} waiting` : "";
    setText(this.total, `${count(found.length, "event")}${waiting}`);
    setText(this.grid.empty, this.#rows.length ? "No event fits." : "No events yet.");
  }

  #showServers() {
    const names = [...this.#fleet.servers.keys()];
    const present = [...this.server.options].slice(1).map((option) => option.value);
    if (String(names) === String(present)) return;
    const chosen = this.server.value;
    this.server.replaceChildren(...["", ...names].map((name) => el("option", { value: name, text: name || "all" })));
    this.server.value = names.includes(chosen) ? chosen : "";
  }
}

/** A glob of event names; their case does not count. */
function globOf(glob) {
  const expression = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "i");
}

function rowOf({ server, epoch, seq, event, headers, unparsed }) {
  const summary = TELLING.filter((name) => headers[name]).map((name) => String(headers[name])).slice(0, 3).join("  ");
  return { at: Date.now(), server, epoch, seq, name: event ?? "(rest of a value)", summary, headers, unparsed };
}

function rowOfGap({ server, epoch, from, to, reason, seq }) {
  const what = from === null || to === null ? "events" : count(to - from + 1, "event");
  const headers = { From: from, To: to, Reason: reason };
  return { at: Date.now(), server, epoch, seq, name: "Gap", summary: `${what} missing: ${reason}`, headers, gap: true };
}

/** What comes while another view is shown is not taken. */
function rowOfBreak() {
  const summary = "Another view was shown: what came meanwhile is not here";
  return { at: Date.now(), server: "", name: "Break", summary, headers: {}, gap: true };
}

function textOf(row) {
  row.text ??= [row.server, row.name, row.summary, ...Object.values(row.headers).flat()].join("\n").toLowerCase();
  return row.text;
}

function parts(row) {
  const headers = Object.entries(row.headers).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, one ?? ""]),
  );
  const unparsed = (row.unparsed ?? []).map((line) => ["(no header)", line]);
  return [
    facts([["Received", dayAndClock(row.at)], ["Server", row.server], ["Number", row.seq], ["Epoch", row.epoch]]),
    el("h3", { text: "Headers" }),
    facts([...headers, ...unparsed]),
  ];
}
