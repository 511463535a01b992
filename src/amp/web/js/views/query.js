// One action for several servers, and what each of them answers.

import { announce } from "../announce.js";
import { Details } from "../details.js";
import { el, facts, field, newId, setText } from "../dom.js";
import { count } from "../format.js";
import { Grid } from "../grid.js";
import { ask } from "../http.js";

const TIMEOUT_S = 30;
/** What may be asked without thinking: all of it only reads. */
const EXAMPLES = [
  ["Uptime and calls (CoreStatus)", "Action: CoreStatus"],
  ["Versions and limits (CoreSettings)", "Action: CoreSettings"],
  ["Channels", "Action: CoreShowChannels"],
  ["Queues", "Action: QueueSummary"],
  ["PJSIP endpoints", "Action: PJSIPShowEndpoints"],
  ["Calls of sniffers", "Action: SnifferCommand\nCommand: totalcalls"],
  ["Console: core show version", "Action: Command\nCommand: core show version"],
];

const COLUMNS = [
  { key: "server", label: "Server", text: (row) => row.server },
  { key: "what", label: "Answer", text: (row) => row.what, paint },
  { key: "summary", label: "What", text: (row) => row.summary },
];

function paint(cell, row) {
  cell.dataset.tone = row.bad ? "bad" : "";
}

export class QueryView {
  #fleet;

  constructor(fleet) {
    this.#fleet = fleet;
    const id = newId("servers");
    this.choices = el("datalist", { id });
    this.servers = el("input", { value: "*", list: id, required: true, autocomplete: "off", spellcheck: "false" });
    this.action = el("textarea", { rows: 4, required: true, spellcheck: "false" });
    this.action.value = EXAMPLES[0][1];
    this.run = el("button", { type: "submit", class: "primary", text: "Ask" });
    this.problem = el("p", { class: "problem", role: "alert" });
    this.total = el("p", { class: "total" });
    this.details = new Details();
    this.grid = new Grid({
      label: "Answers",
      kind: "query",
      columns: COLUMNS,
      keyOf: (row) => row.key,
      onOpen: (row) => this.details.show(`${row.server}: ${row.what}`, this.grid.grid, ...parts(row)),
      empty: "Nothing asked yet.",
      order: { key: "server", down: false },
    });
    this.element = el(
      "section",
      { class: "view view-table" },
      el("div", { class: "bar" }, el("h1", { tabindex: -1, text: "Query" }), this.total),
      this.#form(),
      this.grid.sorter,
      el("div", { class: "beside" }, this.grid.element, this.details.element),
    );
  }

  enter() {
    const names = [...this.#fleet.servers.keys()];
    this.choices.replaceChildren(...["*", ...names].map((value) => el("option", { value })));
  }

  leave() {}

  #form() {
    const options = EXAMPLES.map(([text], place) => el("option", { value: place, text }));
    const examples = el("select", {}, ...options);
    examples.addEventListener("change", () => {
      this.action.value = EXAMPLES[examples.value][1];
    });
    const submit = (event) => {
      event.preventDefault();
      this.#ask();
    };
    return el(
      "form",
      { class: "query", on: { submit } },
      field("Servers: names, globs, * for all", this.servers),
      this.choices,
      field("Examples", examples),
      field("Action, a header a line", this.action, { class: "field wide" }),
      this.problem,
      this.run,
    );
  }

  async #ask() {
    this.problem.textContent = "";
    this.run.disabled = true;
    setText(this.run, "Asking…");
    try {
      const action = { ...actionOf(this.action.value), Server: this.servers.value };
      const began = performance.now();
      const answer = await ask("POST", "/actions", { action, timeout: TIMEOUT_S });
      this.#show(answer, performance.now() - began);
    } catch (error) {
      this.problem.textContent = `${error.message}.`.replace(/\.\.$/, ".");
    }
    this.run.disabled = false;
    setText(this.run, "Ask");
  }

  #show({ answers, error }, took) {
    const rows = answers.flatMap(rowsOf);
    this.grid.show(rows);
    const failed = answers.filter(isBad).length;
    const bad = failed ? `, ${failed} failed` : "";
    const words = `${count(answers.length, "server")} answered${bad}, ${count(rows.length, "row")}, ${Math.round(took)} ms`;
    setText(this.total, words);
    if (error) this.problem.textContent = `${error.message}.`;
    announce(words);
  }
}

/**
 * Lines of `Name: Value` as the fields of an action; a name that repeats is a list.
 *
 * @throws {Error} a line is none
 */
function actionOf(text) {
  const action = {};
  for (const line of text.split("\n").map((one) => one.trim()).filter(Boolean)) {
    const [, name, value] = /^([^\s:]+)\s*:\s*(.*)$/.exec(line) ?? [];
    if (!name) throw new Error(`Expected “Name: Value”, got “${line}”`);
    if (name in action) action[name] = [action[name], value].flat();
    else action[name] = value;
  }
  return action;
}

function isBad({ response, error }) {
  return error !== null || (response.Response ?? "Success") === "Error";
}

/** An answer, or each item of the list that it is. */
function rowsOf(answer) {
  const server = answer.server ?? "";
  const items = answer.events.filter((headers) => headers.EventList === undefined);
  const bad = isBad(answer);
  if (!items.length || bad) {
    const what = answer.error?.message ?? answer.response.Response ?? "";
    const headers = answer.unparsed ? { ...answer.response, "(no header)": answer.unparsed } : answer.response;
    return [{ key: server, server, what, summary: summaryOf(headers), headers, bad }];
  }
  return items.map((headers, place) => ({
    key: `${server}\n${place}`, server, what: headers.Event, summary: summaryOf(headers), headers, bad,
  }));
}

function summaryOf(headers) {
  return Object.entries(headers)
    .filter(([name, value]) => !["Event", "Response", "ActionID"].includes(name) && value !== "")
    .map(([name, value]) => `${name}: ${[value].flat().join(" / ")}`)
    .join("  ·  ")
    .slice(0, 600);
}

function parts({ server, headers }) {
  const pairs = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return [facts([["Server", server]]), el("h3", { text: "Headers" }), facts(pairs)];
}
