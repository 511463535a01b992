// The channels of one Asterisk, and the calls that they make: those of the same Linkedid.

const NOBODY = new Set(["", "<unknown>", "anonymous"]);
/** Extensions that a channel is moved to by the dialplan; nobody dials them. */
const INTERNAL_EXTENSIONS = new Set(["", "s", "h", "i", "t", "T", "e", "o", "a", "#", "*"]);
const UP = "6";
const RINGING = new Set(["4", "5"]);

/** The fields of a channel, and the headers that carry them in events and in CoreShowChannel. */
const FIELDS = {
  name: "Channel",
  state: "ChannelState",
  stateName: "ChannelStateDesc",
  number: "CallerIDNum",
  person: "CallerIDName",
  connectedNumber: "ConnectedLineNum",
  connectedPerson: "ConnectedLineName",
  context: "Context",
  extension: "Exten",
  account: "AccountCode",
  linked: "Linkedid",
};

export class Channels {
  #server;
  #channels = new Map();
  #calls = new Map();
  #dirty = new Set();
  #seen = null;
  #ended = null;

  constructor(server) {
    this.#server = server;
  }

  get size() {
    return this.#calls.size;
  }

  /**
   * An event.
   *
   * @returns {boolean} whether a call has changed
   */
  take(event, headers, now) {
    if (event === "ServerDown" || event === "ServerUp") {
      this.clear();
      return true;
    }
    let changed = false;
    for (const prefix of ["", "Dest"]) {
      const id = one(headers[`${prefix}Uniqueid`]);
      if (id && headers[`${prefix}Channel`] !== undefined) {
        this.#change(id, event, headers, prefix, now);
        changed = true;
      }
    }
    return changed;
  }

  /** See CallBook.expect. */
  expect() {
    this.#seen = new Set();
    this.#ended = new Set();
  }

  /** See CallBook.fill. */
  fill(list, now) {
    const listed = new Set();
    for (const headers of list) {
      const id = one(headers.Uniqueid);
      if (headers.Event !== "CoreShowChannel" || !id || this.#ended?.has(id)) continue;
      listed.add(id);
      const channel = this.#channel(id, now - seconds(headers.Duration) * 1000);
      channel.application = one(headers.Application) ?? "";
      channel.bridge = one(headers.BridgeId) || null;
      this.#read(channel, headers, "");
    }
    for (const id of [...this.#channels.keys()]) {
      if (!listed.has(id) && !this.#seen?.has(id)) this.#end(id);
    }
    this.#seen = this.#ended = null;
  }

  /** See CallBook.clear. */
  clear() {
    for (const id of [...this.#channels.keys()]) this.#end(id);
  }

  /** Write the calls that have changed into the table. */
  update(rows) {
    for (const linked of this.#dirty) {
      const channels = this.#calls.get(linked);
      const key = `${this.#server}\n${linked}`;
      if (channels) rows.set(key, this.#row(key, linked, [...channels]));
      else rows.delete(key);
    }
    this.#dirty.clear();
  }

  // -- channels --------------------------------------------------------------------------------------

  #change(id, event, headers, prefix, now) {
    if (event === "Hangup" && !prefix) {
      this.#ended?.add(id);
      this.#end(id);
      return;
    }
    if (!this.#channels.has(id) && event !== "Newchannel" && this.#ended?.has(id)) return;
    this.#seen?.add(id);
    const channel = this.#channel(id, now);
    this.#read(channel, headers, prefix);
    if (prefix) return;
    if (event === "BridgeEnter") channel.bridge = one(headers.BridgeUniqueid);
    else if (event === "BridgeLeave") channel.bridge = null;
    else if (event === "Hold") channel.held = true;
    else if (event === "Unhold") channel.held = false;
    else if (event === "Rename") channel.name = one(headers.Newname) ?? channel.name;
    if (headers.Application !== undefined) channel.application = one(headers.Application);
  }

  #channel(id, began) {
    let channel = this.#channels.get(id);
    if (!channel) {
      channel = { id, began, linked: "", dialled: "", bridge: null, held: false, application: "" };
      this.#channels.set(id, channel);
    }
    return channel;
  }

  #read(channel, headers, prefix) {
    const before = channel.linked;
    for (const [field, header] of Object.entries(FIELDS)) {
      const value = headers[prefix + header];
      if (value !== undefined) channel[field] = one(value);
    }
    channel.linked ||= channel.id;
    if (!channel.dialled && !INTERNAL_EXTENSIONS.has(channel.extension ?? "")) channel.dialled = channel.extension;
    if (before !== channel.linked) this.#move(channel, before);
    this.#dirty.add(channel.linked);
  }

  /** A bridge may make two calls one. */
  #move(channel, before) {
    if (before) this.#leave(channel, before);
    if (!this.#calls.has(channel.linked)) this.#calls.set(channel.linked, new Set());
    this.#calls.get(channel.linked).add(channel);
  }

  #end(id) {
    const channel = this.#channels.get(id);
    if (!channel) return;
    this.#channels.delete(id);
    this.#leave(channel, channel.linked);
  }

  #leave(channel, linked) {
    const call = this.#calls.get(linked);
    call?.delete(channel);
    if (call?.size === 0) this.#calls.delete(linked);
    this.#dirty.add(linked);
  }

  // -- calls -----------------------------------------------------------------------------------------

  #row(key, linked, channels) {
    channels.sort((one, other) => one.began - other.began);
    const origin = channels.find((channel) => channel.id === linked) ?? channels[0];
    const others = channels.filter((channel) => channel !== origin);
    const from = party(origin.person, origin.number) || origin.name;
    const other = party(others[0]?.person, others[0]?.number) || others[0]?.name;
    const to = origin.dialled || other || origin.context || "";
    const names = channels.flatMap((one) => [one.name, one.number, one.person, one.dialled, one.account]);
    return {
      key,
      server: this.#server,
      kind: "asterisk",
      from,
      to,
      state: stateOf(channels),
      note: channels.length === 1 ? "1 channel" : `${channels.length} channels`,
      began: Math.min(...channels.map((channel) => channel.began)),
      text: [this.#server, from, to, ...names].join("\n").toLowerCase(),
      parts: channels,
    };
  }
}

/** What its channels say about a call. */
function stateOf(channels) {
  if (channels.some((channel) => channel.held)) return "on hold";
  if (channels.filter((channel) => channel.bridge).length > 1) return "talking";
  if (channels.some((channel) => RINGING.has(channel.state))) {
    return channels.length > 1 || channels[0].state === "5" ? "ringing" : "dialing";
  }
  return channels.some((channel) => channel.state === UP) ? "answered" : "dialing";
}

/** Name and number of somebody; empty if neither is known. */
export function party(person, number) {
  const known = [person, number].filter((word) => word && !NOBODY.has(word));
  return [...new Set(known)].join(" · ");
}

/** The first value of a header that repeats. */
function one(value) {
  return Array.isArray(value) ? value[0] : value;
}

/** Of 01:02:03. */
function seconds(text = "0") {
  return String(text).split(":").reduce((sum, part) => sum * 60 + (Number(part) || 0), 0);
}
