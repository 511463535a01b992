// Elements out of values. Whatever callers send is text here: nothing is ever parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {Object<string, any>} [facts] attributes; `class`, `text`, `on` (listeners by event); what is null,
 *   undefined or false is left out, true is an empty attribute.
 * @param {...(Node|string|null)} children
 */
export function el(tag, facts = {}, ...children) {
  return fill(document.createElement(tag), facts, children);
}

/** The same for SVG. */
export function svg(tag, facts = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), facts, children);
}

function fill(element, facts, children) {
  for (const [name, value] of Object.entries(facts)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "text") {
      element.textContent = value;
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Change a text only if it differs, so that nothing is laid out, selected away or read again for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute; null takes it away. */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

let numbers = 0;

/** An id that no other element has. */
export function newId(prefix) {
  numbers += 1;
  return `${prefix}-${numbers}`;
}

/** A label with its field. */
export function field(label, input, facts = {}) {
  input.id ||= newId("field");
  return el("div", { class: "field", ...facts }, el("label", { for: input.id, text: label }), input);
}

/** Names and values, as a list of descriptions. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const parts = shown.flatMap(([name, value]) => [
    el("dt", { text: name }),
    el("dd", {}, value instanceof Node ? value : String(value)),
  ]);
  return el("dl", { class: "facts" }, ...parts);
}
