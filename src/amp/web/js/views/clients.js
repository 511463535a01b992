// Who is connected to amp, and what waits for them.

import { Details } from "../details.js";
import { el, facts, field, setText } from "../dom.js";
import { bytes, count, dayAndClock, span, whole } from "../format.js";
import { Grid } from "../grid.js";
import { amp, ask } from "../http.js";
import { Poll } from "../poll.js";

const POLL_MS = 2000;

const COLUMNS = [
  { key: "user", label: "User", text: (one) => one.user ?? "(not signed in)" },
  { key: "address", label: "Address", text: (one) => one.address },
  { key: "protocol", label: "Protocol", text: (one) => one.protocol },
  { key: "since", label: "Connected", text: (one) => span(age(one)), sort: (one) => -age(one), number: true },
  { key: "waiting", label: "Waiting", text: (one) => bytes(one.waiting_bytes), sort: (one) => one.waiting_bytes,
    number: true, paint },
  { key: "peak", label: "Peak", text: (one) => bytes(one.peak_bytes), sort: (one) => one.peak_bytes, number: true },
  { key: "events", label: "Events", text: (one) => whole(one.events), sort: (one) => one.events, number: true },
  { key: "actions", label: "Actions", text: (one) => whole(one.actions), sort: (one) => one.actions, number: true },
  { key: "gaps", label: "Lost", text: (one) => whole(one.gaps), sort: (one) => one.gaps, number: true, paint: lost },
];

function age({ since }) {
  return (amp.now() - Date.parse(since)) / 1000;
}

function paint(cell, { waiting_bytes: waiting }) {
  cell.dataset.tone = waiting > 1e6 ? "bad" : waiting > 0 ? "some" : "";
}

function lost(cell, { gaps }) {
  cell.dataset.tone = gaps ? "bad" : "";
}

export class ClientsView {
  #poll = new Poll(() => this.#ask(), POLL_MS);
  #clients = [];

  constructor(fleet) {
    this.search = el("input", { type: "search", autocomplete: "off" });
    this.search.addEventListener("input", () => this.#draw());
    this.total = el("p", { class: "total" });
    this.details = new Details();
    this.grid = new Grid({
      label: "Clients",
      kind: "clients",
      columns: COLUMNS,
      keyOf: (one) => String(one.number),
      onOpen: (one) => this.details.show(one.user ?? one.address, this.grid.grid, ...parts(one)),
      empty: "No clients.",
      order: { key: "waiting", down: true },
    });
    const mine = fleet.may("admin") ? "" : "Yours only: all are shown to who has the right “admin”.";
    this.element = el(
      "section",
      { class: "view view-table" },
      el("div", { class: "bar" }, el("h1", { tabindex: -1, text: "Clients" }), this.total,
        field("Search", this.search, { class: "field grow" }), this.grid.sorter),
      el("p", { class: "warning", text: mine, hidden: !mine }),
      el("div", { class: "beside" }, this.grid.element, this.details.element),
    );
  }

  enter() {
    this.#poll.start();
  }

  leave() {
    this.#poll.stop();
  }

  async #ask() {
    try {
      this.#clients = await ask("GET", "/sessions");
      this.#draw();
    } catch { /* how the connection is stands at the top */ }
  }

  #draw() {
    const words = this.search.value.trim().toLowerCase();
    const fits = (one) => `${one.user}\n${one.address}\n${one.protocol}`.toLowerCase().includes(words);
    const found = words ? this.#clients.filter(fits) : this.#clients;
    this.grid.show(found);
    const waiting = found.reduce((sum, one) => sum + one.waiting_bytes, 0);
    setText(this.total, `${count(found.length, "client")}, ${bytes(waiting)} waiting`);
  }
}

function parts(one) {
  return [
    facts([
      ["User", one.user ?? "(not signed in)"],
      ["Address", one.address],
      ["Protocol", one.protocol],
      ["Format", one.format],
      ["Connected since", dayAndClock(Date.parse(one.since))],
      ["Sees events", one.sees_events ? "yes" : "no"],
      ["Number", one.number],
    ]),
    el("h3", { text: "Output" }),
    facts([
      ["Waiting", bytes(one.waiting_bytes)],
      ["Most that ever waited", bytes(one.peak_bytes)],
      ["Sent", bytes(one.bytes_out)],
      ["Events sent", whole(one.events)],
      ["Events filtered out", whole(one.filtered)],
      ["Events lost (too slow)", whole(one.gaps)],
    ]),
    el("h3", { text: "Input" }),
    facts([
      ["Received", bytes(one.bytes_in)],
      ["Actions", whole(one.actions)],
      ["Denied", whole(one.denials)],
    ]),
  ];
}
