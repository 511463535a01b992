// The panel beside a table: all there is to know of one row. On a phone it covers the page.

import { el, newId } from "./dom.js";

export class Details {
  #back = null;

  /** @param {() => void} [onClose] */
  constructor(onClose = () => {}) {
    this.onClose = onClose;
    const id = newId("details");
    this.title = el("h2", { id, tabindex: -1 });
    this.body = el("div", { class: "details-body" });
    const close = el("button", { type: "button", class: "quiet", text: "Close", on: { click: () => this.close() } });
    const head = el("div", { class: "details-head" }, this.title, close);
    this.element = el("aside", { class: "details", "aria-labelledby": id, hidden: true }, head, this.body);
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  get open() {
    return !this.element.hidden;
  }

  /**
   * Show something.
   *
   * @param {string} title
   * @param {...Node} parts
   * @param {HTMLElement} back where the focus goes when it is closed
   */
  show(title, back, ...parts) {
    this.#back = back;
    this.title.textContent = title;
    this.body.replaceChildren(...parts);
    this.element.hidden = false;
    this.body.scrollTop = 0;
    this.title.focus();
  }

  /** Replace what is shown, leaving the focus alone. */
  update(...parts) {
    this.body.replaceChildren(...parts);
  }

  close() {
    if (!this.open) return;
    this.element.hidden = true;
    this.onClose();
    this.#back?.focus();
  }
}
