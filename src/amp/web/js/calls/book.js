// All live calls, of Asterisks and sniffers: rows for one table.

import { Channels } from "./channels.js";
import { SnifferCalls } from "./sniffer_calls.js";

/** The events that calls are made of; the rest costs those only who look at it. */
export const CALL_EVENTS = [
  "Newchannel", "Newstate", "NewCallerid", "NewConnectedLine", "Rename", "Hangup", "DialBegin", "DialState",
  "DialEnd", "BridgeEnter", "BridgeLeave", "Hold", "Unhold", "SnifferCall*", "SnifferReset", "SnifferDown",
  "SnifferUp", "SnifferStat", "ServerDown", "ServerUp",
];

/**
 * A row.
 *
 * @typedef {object} Call
 * @property {string} key of its own among all calls
 * @property {string} server
 * @property {string} kind "asterisk" or "voipmonitor"
 * @property {string} from who calls, for people
 * @property {string} to who is called
 * @property {string} state one of STATES
 * @property {string} note what else is worth a word: its channels, its codec and score
 * @property {number} began milliseconds
 * @property {string} text all that a search looks at, in small letters
 * @property {object[]} parts its channels, or its one set of headers
 */

/** What a call is doing, in the order of its life; the place is what it is sorted by. */
export const STATES = ["dialing", "ringing", "answered", "talking", "on hold", "failed"];

export class CallBook {
  #servers = new Map();
  #rows = new Map();
  #dirty = new Set();

  /** The rows, brought up to date. */
  rows() {
    for (const source of this.#dirty) source.update(this.#rows);
    this.#dirty.clear();
    return this.#rows;
  }

  /** Whether rows have changed since they were asked for last. */
  get changed() {
    return this.#dirty.size > 0;
  }

  /** How many calls a server has. */
  count(server) {
    return this.#servers.get(server)?.size ?? 0;
  }

  /** An event; what is of no call is passed over. */
  take({ server, event, headers }, now = Date.now()) {
    const kind = event?.startsWith("Sniffer") ? "voipmonitor" : "asterisk";
    if (event === "SnifferStat") return;
    const source = this.#source(server, kind);
    if (source.take(event, headers, now)) this.#dirty.add(source);
  }

  /** The whole list of a server is asked for: what changes until it is there counts more. */
  expect(server, kind) {
    this.#source(server, kind).expect();
  }

  /** The whole list of a server: events of CoreShowChannels, or the reply to listcalls. */
  fill(server, kind, list, now = Date.now()) {
    const source = this.#source(server, kind);
    source.fill(list, now);
    this.#dirty.add(source);
  }

  /** Nothing is known of a server any more. */
  clear(server) {
    const source = this.#servers.get(server);
    source?.clear();
    if (source) this.#dirty.add(source);
  }

  #source(server, kind) {
    let source = this.#servers.get(server);
    if (!source) {
      source = kind === "asterisk" ? new Channels(server) : new SnifferCalls(server);
      this.#servers.set(server, source);
    }
    return source;
  }
}
