// Live calls of Asterisks and sniffers, in one table.

import { announce } from "../announce.js";
import { STATES } from "../calls/book.js";
import { party } from "../calls/channels.js";
import { Details } from "../details.js";
import { el, facts, field, setAttribute, setText } from "../dom.js";
import { count, dayAndClock, duration } from "../format.js";
import { Grid } from "../grid.js";

/** No faster than this; a busy fleet changes a hundred times a second. */
const DRAW_MS = 300;
const SETTLED_MS = 800;

const COLUMNS = [
  { key: "state", label: "State", text: (call) => call.state, sort: (call) => STATES.indexOf(call.state), paint },
  { key: "from", label: "From", text: (call) => call.from },
  { key: "to", label: "To", text: (call) => call.to },
  { key: "server", label: "Server", text: (call) => call.server },
  { key: "began", label: "Duration", text: (call) => age(call), sort: (call) => -call.began, number: true },
  { key: "note", label: "Details", text: (call) => call.note },
];

function paint(cell, call) {
  cell.dataset.state = call.state;
}

function age({ began }) {
  return duration((Date.now() - began) / 1000);
}

export class CallsView {
  #fleet;
  #timer = 0;
  #drawnAt = 0;
  #said = 0;
  #open = null;
  #wanted = "";

  constructor(fleet) {
    this.#fleet = fleet;
    this.search = el("input", { type: "search", autocomplete: "off", spellcheck: "false" });
    this.search.addEventListener("input", () => this.#searched());
    this.total = el("p", { class: "total" });
    this.warning = el("p", { class: "warning", hidden: true });
    this.details = new Details(() => {
      this.#open = null;
    });
    this.grid = new Grid({
      label: "Live calls",
      kind: "calls",
      columns: COLUMNS,
      keyOf: (call) => call.key,
      onOpen: (call) => this.#show(call),
      empty: "No live calls.",
      order: { key: "began", down: true },
    });
    this.element = el(
      "section",
      { class: "view view-table" },
      el("div", { class: "bar" }, el("h1", { tabindex: -1, text: "Calls" }), this.total,
        field("Search", this.search, { class: "field grow" }), this.grid.sorter),
      this.warning,
      el("div", { class: "beside" }, this.grid.element, this.details.element),
    );
  }

  enter() {
    this.#timer = setInterval(() => this.#drawWhatChanged(), DRAW_MS);
    this.#draw();
  }

  leave() {
    clearInterval(this.#timer);
  }

  /** Durations change every second, whatever else does. */
  #drawWhatChanged() {
    if (this.#fleet.calls.changed || performance.now() - this.#drawnAt >= 1000) this.#draw();
  }

  #draw() {
    this.#drawnAt = performance.now();
    const rows = this.#fleet.calls.rows();
    const all = [...rows.values()];
    const found = this.#wanted ? all.filter(({ text }) => text.includes(this.#wanted)) : all;
    this.grid.show(found);
    setText(this.total, this.#wanted ? `${found.length} of ${count(all.length, "call")}` : count(all.length, "call"));
    setText(this.grid.empty, this.#wanted ? "No call fits the search." : "No live calls.");
    this.#warn();
    if (this.#open) this.#redraw(rows);
  }

  /** Servers whose calls of before nobody may list. */
  #warn() {
    const names = [...this.#fleet.unlisted.keys()];
    this.warning.hidden = names.length === 0;
    setText(this.warning, `Calls that began before you looked are missing of: ${names.join(", ")}.`);
  }

  #searched() {
    this.#wanted = this.search.value.trim().toLowerCase();
    this.#draw();
    clearTimeout(this.#said);
    this.#said = setTimeout(() => announce(this.total.textContent), SETTLED_MS);
  }

  // -- details ---------------------------------------------------------------------------------------

  #show(call) {
    this.#open = { key: call.key, row: call };
    this.details.show(`${call.from || "Unknown"} → ${call.to || "unknown"}`, this.grid.grid, ...parts(call));
  }

  #redraw(rows) {
    const row = rows.get(this.#open.key);
    if (row === this.#open.row) return;
    setAttribute(this.details.element, "data-ended", row ? null : "");
    this.#open.row = row;
    if (row) this.details.update(...parts(row));
    else this.details.body.prepend(el("p", { class: "ended", text: "The call has ended." }));
  }
}

function parts(call) {
  const general = facts([
    ["State", call.state],
    ["Server", call.server],
    ["Began", dayAndClock(call.began)],
  ]);
  if (call.kind === "voipmonitor") return [general, el("h3", { text: "As the sniffer sees it" }), headers(call.parts[0])];
  return [general, ...call.parts.flatMap(channel)];
}

function channel(one) {
  return [
    el("h3", { text: one.name }),
    facts([
      ["State", one.held ? `${one.stateName}, on hold` : one.stateName],
      ["Caller", party(one.person, one.number)],
      ["Connected to", party(one.connectedPerson, one.connectedNumber)],
      ["Dialplan", one.context ? `${one.extension}@${one.context}` : ""],
      ["Application", one.application],
      ["Bridge", one.bridge],
      ["Account", one.account],
      ["Unique ID", one.id],
    ]),
  ];
}

function headers(all) {
  return facts(Object.entries(all).filter(([name]) => !["Event", "Privilege"].includes(name)));
}
