// A table of any length: only the rows that can be seen are in the page.
//
// One tab stop; arrows, Page Up and Down, Home and End move, Enter opens. The active row is told by
// aria-activedescendant, so that focus stays where it is while rows come and go under it.

import { el, newId, setAttribute, setText } from "./dom.js";

const WIDE_ROW = 36;
const NARROW_ROW = 58;
const SPARE = 6;
const narrow = matchMedia("(max-width: 640px)");

/**
 * @typedef {object} Column
 * @property {string} key names the class of its cells, too
 * @property {string} label
 * @property {(row: any) => string} text what stands there
 * @property {(row: any) => number|string} [sort] what it is sorted by; without: its text
 * @property {(cell: HTMLElement, row: any) => void} [paint] more than the text
 * @property {boolean} [number] right-aligned
 */

export class Grid {
  #columns;
  #keyOf;
  #onOpen;
  #rows = [];
  #places = null;
  #active = null;
  #activePlace = 0;
  #elements = new Map();
  #free = [];
  #frame = 0;
  #heads = new Map();
  #id = newId("grid");

  /**
   * @param {object} facts
   * @param {string} facts.label for screen readers
   * @param {string} facts.kind class, for widths of columns
   * @param {Column[]} facts.columns
   * @param {(row: any) => string} facts.keyOf
   * @param {(row: any) => void} facts.onOpen Enter or a click
   * @param {string} facts.empty what to say without rows
   * @param {{key: string, down: boolean}|null} facts.order what it is sorted by; null leaves rows as they come
   */
  constructor({ label, kind, columns, keyOf, onOpen, empty, order }) {
    this.#columns = columns;
    this.#keyOf = keyOf;
    this.#onOpen = onOpen;
    this.order = order;
    this.head = el("div", { role: "row", class: "row head", "aria-rowindex": 1 });
    for (const column of columns) this.head.append(this.#headCell(column));
    this.body = el("div", { role: "rowgroup", class: "body" });
    this.empty = el("p", { class: "empty", text: empty });
    const headGroup = el("div", { role: "rowgroup", class: "head-group" }, this.head);
    const facts = { role: "grid", class: "grid", tabindex: 0, "aria-label": label, "aria-colcount": columns.length };
    this.grid = el("div", facts, headGroup, this.body);
    this.grid.addEventListener("scroll", () => this.#soon(), { passive: true });
    this.grid.addEventListener("keydown", (event) => this.#key(event));
    this.body.addEventListener("click", (event) => this.#click(event));
    this.sorter = order ? this.#makeSorter() : null;
    this.element = el("div", { class: `grid-frame grid-${kind}` }, this.sorter, this.grid, this.empty);
    new ResizeObserver(() => this.#soon()).observe(this.grid);
    narrow.addEventListener("change", () => this.#soon());
    this.#showOrder();
  }

  /** The rows to show, in any order. Rows that are the same object have not changed. */
  show(rows) {
    const above = this.order === null ? this.#grownAbove(rows) : 0;
    this.#rows = this.order === null ? rows : sorted(rows, this.#column(this.order.key), this.order.down);
    this.#places = null;
    this.#keepActive();
    this.empty.hidden = rows.length > 0;
    this.grid.setAttribute("aria-rowcount", rows.length + 1);
    this.body.style.height = `${rows.length * this.#rowHeight}px`;
    if (above && this.grid.scrollTop > 0) this.grid.scrollTop += above * this.#rowHeight;
    this.#soon();
  }

  /** The rows that are shown, in order. */
  get rows() {
    return this.#rows;
  }

  focus() {
    this.grid.focus();
  }

  get #rowHeight() {
    return narrow.matches ? NARROW_ROW : WIDE_ROW;
  }

  // -- order -----------------------------------------------------------------------------------------

  #column(key) {
    return this.#columns.find((column) => column.key === key);
  }

  #headCell(column) {
    const facts = { role: "columnheader", class: `cell c-${column.key}${column.number ? " number" : ""}` };
    const button = el("button", { type: "button", text: column.label, on: { click: () => this.#sortBy(column) } });
    const cell = el("div", facts, button);
    this.#heads.set(column.key, cell);
    return cell;
  }

  #makeSorter() {
    const options = this.#columns.flatMap(({ key, label }) => [
      el("option", { value: `${key} up`, text: `${label} ↑` }),
      el("option", { value: `${key} down`, text: `${label} ↓` }),
    ]);
    const select = el("select", { "aria-label": "Sort by", class: "narrow-only sorter" }, ...options);
    select.addEventListener("change", () => {
      const [key, way] = select.value.split(" ");
      this.#setOrder({ key, down: way === "down" });
    });
    return select;
  }

  #sortBy({ key }) {
    if (this.order === null) return;
    this.#setOrder({ key, down: this.order.key === key && !this.order.down });
  }

  #setOrder(order) {
    this.order = order;
    this.#showOrder();
    this.show(this.#rows);
  }

  #showOrder() {
    for (const [key, cell] of this.#heads) {
      const here = this.order?.key === key;
      setAttribute(cell, "aria-sort", here ? (this.order.down ? "descending" : "ascending") : null);
      if (this.order === null) cell.replaceChildren(cell.textContent);
    }
    if (this.sorter) this.sorter.value = `${this.order.key} ${this.order.down ? "down" : "up"}`;
  }

  /** How many rows are new above the first one that was there before. */
  #grownAbove(rows) {
    if (!this.#rows.length || !rows.length) return 0;
    return Math.max(0, rows.indexOf(this.#rows[0]));
  }

  // -- rows ------------------------------------------------------------------------------------------

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint() {
    const height = this.#rowHeight;
    const { scrollTop, clientHeight } = this.grid;
    const first = Math.max(0, Math.floor(scrollTop / height) - SPARE);
    const last = Math.min(this.#rows.length, Math.ceil((scrollTop + clientHeight) / height) + SPARE);
    const wanted = new Map();
    for (let place = first; place < last; place += 1) wanted.set(this.#keyOf(this.#rows[place]), place);
    const active = this.#place(this.#active);
    if (active >= 0) wanted.set(this.#active, active); // what has the focus stays in the page
    for (const [key, element] of this.#elements) {
      if (wanted.has(key)) continue;
      this.#elements.delete(key);
      element.hidden = true;
      this.#free.push(element);
    }
    for (const [key, place] of wanted) this.#paintRow(key, place, height);
    setAttribute(this.grid, "aria-activedescendant", active >= 0 ? this.#elements.get(this.#active).id : null);
  }

  #paintRow(key, place, height) {
    let element = this.#elements.get(key);
    if (!element) {
      element = this.#free.pop() ?? this.#makeRow();
      element.hidden = false;
      element.row = null;
      this.#elements.set(key, element);
    }
    const row = this.#rows[place];
    element.style.transform = `translateY(${place * height}px)`;
    element.key = key;
    setAttribute(element, "aria-rowindex", place + 2);
    setAttribute(element, "aria-selected", String(key === this.#active));
    element.classList.toggle("odd", place % 2 === 1);
    this.#columns.forEach((column, number) => {
      const cell = element.children[number];
      setText(cell, column.text(row));
      if (element.row !== row) column.paint?.(cell, row);
    });
    element.row = row;
  }

  #makeRow() {
    const cells = this.#columns.map((column) =>
      el("div", { role: "gridcell", class: `cell c-${column.key}${column.number ? " number" : ""}` }),
    );
    const element = el("div", { role: "row", class: "row", id: newId(this.#id) }, ...cells);
    this.body.append(element);
    return element;
  }

  #place(key) {
    if (key === null) return -1;
    this.#places ??= new Map(this.#rows.map((row, place) => [this.#keyOf(row), place]));
    return this.#places.get(key) ?? -1;
  }

  /** When the active row has gone, the one that took its place is active. */
  #keepActive() {
    if (this.#active === null) return;
    const place = this.#place(this.#active);
    if (place >= 0) this.#activePlace = place;
    else if (this.#rows.length === 0) this.#active = null;
    else this.#active = this.#keyOf(this.#rows[Math.min(this.#activePlace, this.#rows.length - 1)]);
  }

  // -- moving ----------------------------------------------------------------------------------------

  #key(event) {
    if (event.target !== this.grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / this.#rowHeight) - 2);
    const at = this.#place(this.#active);
    const last = this.#rows.length - 1;
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: at < 0 ? 0 : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last,
    };
    if (event.key === "Enter" && at >= 0) this.#onOpen(this.#rows[at]);
    else if (event.key in moves && last >= 0) this.#activate(Math.min(last, Math.max(0, moves[event.key])));
    else return;
    event.preventDefault();
  }

  #click(event) {
    const element = event.target.closest(".row");
    const place = element ? this.#place(element.key) : -1;
    if (place < 0) return;
    this.#activate(place);
    this.#onOpen(this.#rows[place]);
  }

  #activate(place) {
    this.#active = this.#keyOf(this.#rows[place]);
    this.#activePlace = place;
    const height = this.#rowHeight;
    const headHeight = this.head.offsetHeight;
    const top = place * height;
    const room = this.grid.clientHeight - headHeight - height;
    if (top < this.grid.scrollTop) this.grid.scrollTop = top;
    else if (top > this.grid.scrollTop + room) this.grid.scrollTop = top - room;
    this.#paint();
  }
}

function sorted(rows, column, down) {
  const value = column.sort ?? column.text;
  const keyed = rows.map((row) => [value(row), row]);
  const way = down ? -1 : 1;
  keyed.sort(([one], [other]) => (one < other ? -way : one > other ? way : 0));
  return keyed.map(([, row]) => row);
}
