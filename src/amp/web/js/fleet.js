// Everything that the page knows of amp: servers and their rates, live calls, the latest events. Views read it
// and are told when it has changed; only this asks the API and the WebSocket.

import { CALL_EVENTS, CallBook } from "./calls/book.js";
import { ask } from "./http.js";
import { Missed } from "./missed.js";
import { Poll } from "./poll.js";
import { Socket } from "./socket.js";

const POLL_MS = 2000;
/** What grew in less says nothing of a rate. */
const LEAST_MS = 1000;
/** Servers that are asked for their calls at once; amp refuses more than `actions_per_client`, 64. */
const MOST_LISTS = 16;
/** Five minutes of rates. */
export const HISTORY = 150;

/** What is kept of a server between two looks. */
class Watched {
  history = [];

  constructor(shown) {
    this.shown = shown;
    this.counted = shown;
    this.rates = { events: 0, bytes: 0, actions: 0 };
  }

  /** Counters have grown meanwhile; they never shrink, but a server may be another one of the same name. */
  count(seconds) {
    const { shown, counted } = this;
    const grown = (name) => Math.max(0, (shown[name] ?? 0) - (counted[name] ?? 0)) / seconds;
    this.rates = { events: grown("events"), bytes: grown("bytes_in"), actions: grown("actions") + grown("asked") };
    remember(this.history, this.rates.events);
    this.counted = shown;
  }
}

function remember(history, value) {
  history.push(value);
  if (history.length > HISTORY) history.shift();
}

export class Fleet extends EventTarget {
  /** By name, in the order of the configuration. */
  servers = new Map();
  calls = new CallBook();
  stats = {};
  /** Events a second of all servers together. */
  history = [];
  /** Why the calls of a server are not all known, by its name. */
  unlisted = new Map();
  connection = { state: "connecting", retryAt: 0, why: "" };
  missed = new Missed((words) => this.#tell("missed", words));

  #socket;
  #poll = new Poll(() => this.#ask(), POLL_MS);
  #countedAt = -Infinity;
  /** Servers whose calls are to be listed; and whether they are asked for it just now. */
  #unasked = new Set();
  #asked = new Set();
  #versions = new Map();

  /** @param {{user: string, read: string[], write: string[]}} me who is signed in */
  constructor(me) {
    super();
    this.me = me;
  }

  /** Whether the user has a right for actions; `all` stands for those that open no door. */
  may(right) {
    return this.me.write.includes(right);
  }

  start() {
    const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
    this.#socket = new Socket(url, CALL_EVENTS, {
      event: (event) => this.#take(event),
      gap: (gap) => this.#gap(gap),
      live: (since, positions) => this.#live(since, positions),
      state: (state, retryAt) => this.#changed({ state, retryAt, why: state === "live" ? "" : this.connection.why }),
      closed: (code, opened) => this.#closed(code, opened),
    });
    this.#poll.start();
  }

  stop() {
    this.#poll.stop();
    this.#socket.stop();
  }

  /** Have all events come, or only those of calls. */
  seeAll(all) {
    this.#socket.select(all ? [] : CALL_EVENTS);
  }

  // -- servers ---------------------------------------------------------------------------------------

  async #ask() {
    try {
      const [servers, stats] = await Promise.all([ask("GET", "/servers"), ask("GET", "/stats")]);
      this.#look(servers, stats);
    } catch (error) {
      if (error.status === 401) this.#tell("signed out");
    }
  }

  #look(servers, stats) {
    const known = this.servers;
    this.servers = new Map();
    for (const shown of servers) {
      const watched = known.get(shown.name) ?? new Watched(shown);
      watched.shown = shown;
      this.servers.set(shown.name, watched);
      if (!known.has(shown.name)) this.#list(shown);
    }
    for (const name of known.keys()) if (!this.servers.has(name)) this.calls.clear(name);
    this.#count(known);
    this.stats = stats;
    this.#tell("servers");
  }

  /** A server that is lost or back is asked for at once; rates are of the usual time all the same. */
  #count(known) {
    const now = performance.now();
    if (now - this.#countedAt < LEAST_MS) return;
    const seconds = (now - this.#countedAt) / 1000;
    this.#countedAt = now;
    for (const [name, watched] of this.servers) if (known.has(name)) watched.count(seconds);
    if (known.size) remember(this.history, sumOf(this.servers));
  }

  /** The version of a server: what it says itself, or of an Asterisk that of its manager interface. */
  version({ name, kind, version }) {
    const own = this.#versions.get(name);
    if (own || !version) return own ?? "";
    return kind === "asterisk" ? `(manager interface ${version})` : version;
  }

  // -- events ----------------------------------------------------------------------------------------

  #live(since, positions) {
    this.missed.resumed(since, positions);
    for (const { shown } of this.servers.values()) {
      if (since === null || this.#unasked.has(shown.name)) this.#list(shown);
    }
  }

  #take(event) {
    this.missed.event(event);
    this.calls.take(event);
    switch (event.event) {
      case "ServerUp":
      case "SnifferUp":
      case "SnifferReset":
        this.#relist(event.server);
        break;
    }
    if (event.event === "ServerUp" || event.event === "ServerDown") this.#poll.start();
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
  }

  #gap(gap) {
    this.missed.gap(gap);
    if (gap.reason === "unknown server") this.calls.clear(gap.server);
    else this.#relist(gap.server);
    this.dispatchEvent(new CustomEvent("gap", { detail: gap }));
  }

  // -- lists of calls --------------------------------------------------------------------------------

  #relist(name) {
    const watched = this.servers.get(name);
    if (watched) this.#list(watched.shown);
  }

  /**
   * Ask for the calls that there are; events tell only what changes. Once at a time for each server, since a
   * list says nothing of what happens behind it; and later if there is no connection, or it ends meanwhile.
   */
  #list({ name }) {
    this.#unasked.add(name);
    this.#askOn();
  }

  #askOn() {
    for (const name of this.#unasked) {
      if (this.connection.state !== "live" || this.#asked.size >= MOST_LISTS) return;
      const watched = this.servers.get(name);
      if (!watched || this.#asked.has(name)) continue;
      this.#unasked.delete(name);
      this.#asked.add(name);
      this.#fill(watched.shown).then(() => {
        this.#asked.delete(name);
        this.#askOn();
      });
    }
  }

  async #fill({ name, kind }) {
    this.calls.expect(name, kind);
    try {
      if (kind === "asterisk") {
        const { events } = await this.#act({ Action: "CoreShowChannels", Server: name });
        this.calls.fill(name, kind, events);
        await this.#learnVersion(name);
      } else {
        const { output } = await this.#socket.request({ type: "command", server: name, command: "listcalls" });
        this.calls.fill(name, kind, JSON.parse(output));
      }
      this.unlisted.delete(name);
    } catch (error) {
      if (error.code === "closed") this.#unasked.add(name);
      else this.unlisted.set(name, error.message);
    }
    this.#tell("calls");
  }

  async #learnVersion(name) {
    const { response } = await this.#act({ Action: "CoreSettings", Server: name }).catch(() => ({ response: {} }));
    if (response.AsteriskVersion) this.#versions.set(name, response.AsteriskVersion);
  }

  /** Have an Asterisk do something; what it refuses is an error, too. */
  async #act(action) {
    const answer = await this.#socket.request({ type: "action", action });
    if (answer.response.Response !== "Success") throw new Error(answer.response.Message);
    return answer;
  }

  // -- the connection --------------------------------------------------------------------------------

  async #closed(code, opened) {
    if (opened) this.missed.lost(); // who has never been there has missed nothing
    if (opened && code !== 1008) return;
    try {
      await ask("GET", "/me");
      if (!opened) this.#changed({ ...this.connection, why: "amp answers, but takes no WebSocket here" });
    } catch (error) {
      if (error.status === 401) this.#tell("signed out");
      else this.#changed({ ...this.connection, why: error.message });
    }
  }

  #changed(connection) {
    this.connection = connection;
    this.#tell("connection");
  }

  #tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}

function sumOf(servers) {
  return [...servers.values()].reduce((sum, { rates }) => sum + rates.events, 0);
}
