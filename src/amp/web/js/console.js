// The frame around the views: where one is, how the connection is, who one is.

import { announce } from "./announce.js";
import { el, setAttribute, setText } from "./dom.js";
import { Fleet } from "./fleet.js";
import { ask } from "./http.js";
import { CallsView } from "./views/calls.js";
import { ClientsView } from "./views/clients.js";
import { EventsView } from "./views/events.js";
import { QueryView } from "./views/query.js";
import { ServersView } from "./views/servers.js";

const VIEWS = [
  { name: "servers", label: "Servers", make: (fleet) => new ServersView(fleet) },
  { name: "calls", label: "Calls", make: (fleet) => new CallsView(fleet) },
  { name: "events", label: "Events", make: (fleet) => new EventsView(fleet) },
  { name: "clients", label: "Clients", make: (fleet) => new ClientsView(fleet) },
  { name: "query", label: "Query", right: "fanout", make: (fleet) => new QueryView(fleet) },
];
const THEMES = [["", "Auto"], ["light", "Light"], ["dark", "Dark"]];

/** The page of who is signed in. Put its element into the page, then let it begin. */
export class Console {
  #fleet;
  #views;
  #onEnd;
  #made = new Map();
  #links = new Map();
  #shown = null;

  /**
   * @param {object} me as the API tells it
   * @param {(why?: string) => void} onEnd the session is over
   */
  constructor(me, onEnd) {
    this.#fleet = new Fleet(me);
    this.#onEnd = onEnd;
    this.#views = VIEWS.filter(({ right }) => !right || this.#fleet.may(right));
    this.#fleet.addEventListener("signed out", () => onEnd("The session is over."));
    this.main = el("main", { id: "main", tabindex: -1 });
    this.element = el(
      "div",
      { class: "console" },
      this.#skipLink(),
      el("header", { class: "top" }, el("span", { class: "brand", text: "amp" }), connectionStatus(this.#fleet),
        this.#navigation(), this.#who(me)),
      noticeBar(this.#fleet, this.main),
      this.main,
    );
  }

  begin() {
    addEventListener("hashchange", this.#show);
    this.#fleet.start();
    this.#show();
  }

  leave() {
    removeEventListener("hashchange", this.#show);
    this.#shown?.leave();
    this.#fleet.stop();
  }

  /** Show the view that the address names; who has asked for it goes on reading there. */
  #show = () => {
    const name = location.hash.slice(1);
    const view = this.#views.find((one) => one.name === name) ?? this.#views[0];
    if (!this.#made.has(view.name)) this.#made.set(view.name, view.make(this.#fleet));
    const next = this.#made.get(view.name);
    if (next === this.#shown) return;
    const moved = this.#shown !== null;
    this.#shown?.leave();
    this.#shown = next;
    this.main.replaceChildren(next.element);
    for (const [other, link] of this.#links) {
      setAttribute(link, "aria-current", other === view.name ? "page" : null);
    }
    document.title = `${view.label} · amp`;
    next.enter();
    if (moved) next.element.querySelector("h1").focus();
  };

  #skipLink() {
    const link = el("a", { class: "skip", href: "#main", text: "Skip to content" });
    link.addEventListener("click", (event) => {
      event.preventDefault(); // the fragment is the view's
      this.main.querySelector("h1").focus();
    });
    return link;
  }

  #navigation() {
    const nav = el("nav", { "aria-label": "Views" });
    for (const { name, label } of this.#views) {
      this.#links.set(name, el("a", { href: `#${name}`, text: label }));
      nav.append(this.#links.get(name));
    }
    return nav;
  }

  #who({ user }) {
    const out = el("button", { type: "button", class: "quiet", text: "Sign out" });
    out.addEventListener("click", async () => {
      await ask("POST", "/logout").catch(() => {});
      this.#onEnd("");
    });
    return el("div", { class: "who" }, el("span", { class: "user", text: user }), themeSwitch(), out);
  }
}

function themeSwitch() {
  const options = THEMES.map(([value, text]) => el("option", { value, text }));
  const select = el("select", { "aria-label": "Colours", class: "theme" }, ...options);
  select.value = window.ampTheme.get();
  select.addEventListener("change", () => window.ampTheme.set(select.value));
  return select;
}

/** How the connection is, in one word and a dot; a screen reader is told when it is lost. */
function connectionStatus(fleet) {
  const words = el("span");
  const element = el("span", { class: "connection" }, el("span", { class: "dot", "aria-hidden": "true" }), words);
  let before = "connecting";

  function draw() {
    const { state, retryAt, why } = fleet.connection;
    const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    const text = { live: "Live", connecting: "Connecting…", waiting: `Offline, again in ${seconds} s`, closed: "" };
    setText(words, text[state]);
    element.title = why;
    element.dataset.state = state;
    if (state === "waiting" && before === "live") announce("The connection to amp is lost.");
    if (state !== "connecting") before = state;
  }

  fleet.addEventListener("connection", draw);
  const timer = setInterval(() => {
    if (!element.isConnected) clearInterval(timer);
    else if (fleet.connection.state === "waiting") draw();
  }, 1000);
  draw();
  return element;
}

/** What was missed, and why there is no connection. */
function noticeBar(fleet, main) {
  const words = el("p");
  const dismiss = el("button", { type: "button", class: "quiet", text: "Dismiss" });
  const element = el("div", { class: "notice", role: "region", "aria-label": "Notice", hidden: true }, words, dismiss);

  function say(text) {
    words.textContent = text;
    element.hidden = text === "";
    if (text) announce(text);
  }

  dismiss.addEventListener("click", () => {
    say("");
    main.focus();
  });
  fleet.addEventListener("missed", ({ detail }) => say(detail));
  fleet.addEventListener("connection", () => {
    const { state, why } = fleet.connection;
    if (state === "waiting" && why && words.textContent !== `${why}.`) say(`${why}.`);
  });
  return element;
}
