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

/**
 * The page of who is signed in.
 *
 * @param {object} me as the API tells it
 * @param {(why?: string) => void} onEnd the session is over
 */
export function consolePage(me, onEnd) {
  const fleet = new Fleet(me);
  const views = VIEWS.filter(({ right }) => !right || fleet.may(right));
  const made = new Map();
  const links = new Map();
  const main = el("main", { id: "main", tabindex: -1 });
  const status = connectionStatus(fleet);
  const notice = noticeBar(fleet);
  const nav = el("nav", { "aria-label": "Views" });
  for (const { name, label } of views) {
    links.set(name, el("a", { href: `#${name}`, text: label }));
    nav.append(links.get(name));
  }
  let shown = null;

  function show() {
    const name = location.hash.slice(1);
    const view = views.find((one) => one.name === name) ?? views[0];
    if (!made.has(view.name)) made.set(view.name, view.make(fleet));
    const next = made.get(view.name);
    if (next === shown) return;
    const moved = shown !== null;
    shown?.leave();
    shown = next;
    main.replaceChildren(next.element);
    for (const [other, link] of links) setAttribute(link, "aria-current", other === view.name ? "page" : null);
    document.title = `${view.label} · amp`;
    next.enter();
    if (moved) next.element.querySelector("h1").focus();
  }

  async function signOut() {
    await ask("POST", "/logout").catch(() => {});
    onEnd("");
  }

  addEventListener("hashchange", show);
  fleet.addEventListener("signed out", () => onEnd("The session is over."));
  const skip = el("a", { class: "skip", href: "#main", text: "Skip to content" });
  skip.addEventListener("click", (event) => {
    event.preventDefault(); // the fragment is the view's
    main.querySelector("h1").focus();
  });
  const header = el(
    "header",
    { class: "top" },
    el("span", { class: "brand", text: "amp" }),
    status,
    nav,
    el("div", { class: "who" }, el("span", { class: "user", text: me.user }), themeSwitch(),
      el("button", { type: "button", class: "quiet", text: "Sign out", on: { click: signOut } })),
  );
  return {
    element: el("div", { class: "console" }, skip, header, notice, main),
    begin() {
      fleet.start();
      show();
    },
    leave() {
      removeEventListener("hashchange", show);
      shown?.leave();
      fleet.stop();
    },
  };
}

function themeSwitch() {
  const options = THEMES.map(([value, text]) => el("option", { value, text }));
  const select = el("select", { "aria-label": "Colours", class: "theme" }, ...options);
  select.value = window.ampTheme.get();
  select.addEventListener("change", () => window.ampTheme.set(select.value));
  return select;
}

/** How the connection is, in one word and a dot; a screen reader is told when it is lost and back. */
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
function noticeBar(fleet) {
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
    document.getElementById("main").focus();
  });
  fleet.addEventListener("missed", ({ detail }) => say(detail));
  fleet.addEventListener("connection", () => {
    const { state, why } = fleet.connection;
    if (state === "waiting" && why && words.textContent !== `${why}.`) say(`${why}.`);
  });
  return element;
}
