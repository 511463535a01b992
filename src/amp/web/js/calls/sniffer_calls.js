// The calls that one sniffer sees, from SnifferCall* events and from listcalls (docs/voipmonitor.md, Watching).

/** Columns of listcalls whose headers are not their words with capitals. */
const HEADERS = {
  callid: "CallID",
  calldate_num: "CallDateEpoch",
  callername: "CallerName",
  callerdomain: "CallerDomain",
  calleddomain: "CalledDomain",
  calleragent: "CallerAgent",
  calledagent: "CalledAgent",
  callerip: "CallerIP",
  calledip: "CalledIP",
  sipproxies: "SIPProxies",
  lastSIPresponseNum: "LastSIPResponseNum",
  rtp_src: "RTPSrc",
  rtp_dst: "RTPDst",
  callercodec: "CallerCodec",
  calledcodec: "CalledCodec",
  src_mosf1: "SrcMOSF1",
  dst_mosf1: "DstMOSF1",
  src_jitter: "SrcJitter",
  dst_jitter: "DstJitter",
  src_loss: "SrcLoss",
  dst_loss: "DstLoss",
  duration: "Duration",
  connect_duration: "ConnectDuration",
  caller: "Caller",
  called: "Called",
  id_sensor: "SensorID",
};
const ADDRESSES = new Set(["CallerIP", "CalledIP", "RTPSrc", "RTPDst"]);
const SCORES = new Set(["SrcMOSF1", "DstMOSF1"]);

/** Payload types of RFC 3551, as people call them. */
const CODECS = {
  0: "PCMU", 3: "GSM", 4: "G723", 7: "LPC", 8: "PCMA", 9: "G722", 13: "CN", 15: "G728", 18: "G729",
};

export class SnifferCalls {
  #server;
  #calls = new Map();
  #keys = new Map();
  #dirty = new Set();
  #seen = null;
  #ended = null;

  constructor(server) {
    this.#server = server;
  }

  get size() {
    return this.#calls.size;
  }

  /** See Channels.take. */
  take(event, headers, now) {
    switch (event) {
      case "SnifferCallStart":
      case "SnifferCallUpdate":
        this.#change(headers, now);
        return true;
      case "SnifferCallEnd":
        this.#end(this.#key(headers));
        return true;
      case "SnifferDown":
        this.clear();
        return true;
      default:
        return false;
    }
  }

  /** See CallBook.expect. */
  expect() {
    this.#seen = new Set();
    this.#ended = new Set();
  }

  /** See CallBook.fill. */
  fill(table, now) {
    const [columns, ...rows] = table;
    const listed = new Set();
    for (const row of rows) {
      if (typeof row[0] === "object" && row[0] !== null) continue; // its totals
      const headers = headersOf(columns, row);
      const key = this.#key(headers);
      if (this.#ended?.has(key)) continue;
      listed.add(nameOf(headers));
      if (this.#seen?.has(key)) this.#complete(key, headers);
      else this.#change(headers, now);
    }
    for (const [key, { headers }] of [...this.#calls]) {
      if (!listed.has(nameOf(headers)) && !this.#seen?.has(key)) this.#end(key);
    }
    this.#seen = this.#ended = null;
  }

  /** See CallBook.clear. */
  clear() {
    for (const key of [...this.#calls.keys()]) this.#end(key);
  }

  /** Write the calls that have changed into the table. */
  update(rows) {
    for (const key of this.#dirty) {
      const call = this.#calls.get(key);
      const place = `${this.#server}\n${key}`;
      if (call) rows.set(place, this.#row(place, call));
      else rows.delete(place);
    }
    this.#dirty.clear();
  }

  /** A call is known by its reference; the list does not show that, so it is found by its Call-ID there. */
  #key(headers) {
    const named = nameOf(headers);
    const reference = headers.CallReference;
    if (!reference) return named;
    if (!this.#keys.has(reference)) {
      const taken = this.#calls.get(named)?.headers.CallReference !== undefined;
      this.#keys.set(reference, taken ? reference : named);
    }
    return this.#keys.get(reference);
  }

  #change(headers, now) {
    const key = this.#key(headers);
    if (this.#ended?.has(key)) return;
    this.#seen?.add(key);
    const call = this.#calls.get(key) ?? { began: now, headers: {} };
    Object.assign(call.headers, headers);
    delete call.headers.Changed;
    if (headers.Duration !== undefined) call.began = now - Number(headers.Duration) * 1000;
    this.#calls.set(key, call);
    this.#dirty.add(key);
  }

  /** What an update does not tell stands in the list; what it tells is newer. */
  #complete(key, headers) {
    const call = this.#calls.get(key);
    if (call) call.headers = { ...headers, ...call.headers };
  }

  #end(key) {
    const reference = this.#calls.get(key)?.headers.CallReference;
    this.#ended?.add(key);
    this.#calls.delete(key);
    this.#keys.delete(reference);
    this.#dirty.add(key);
  }

  #row(key, { began, headers }) {
    const from = [headers.CallerName, headers.Caller].filter(Boolean).join(" · ") || headers.CallerIP || "";
    return {
      key,
      server: this.#server,
      kind: "voipmonitor",
      from,
      to: headers.Called || headers.CalledIP || "",
      state: stateOf(headers),
      note: noteOf(headers),
      began,
      text: [this.#server, ...Object.values(headers)].join("\n").toLowerCase(),
      parts: [headers],
    };
  }
}

function nameOf({ SensorID: sensor = "", CallID: id = "" }) {
  return `${sensor}/${id}`;
}

function stateOf(headers) {
  const response = Number(headers.LastSIPResponseNum ?? 0);
  if (Number(headers.ConnectDuration) > 0 || (response >= 200 && response < 300)) return "talking";
  if (response >= 300) return "failed";
  return response >= 180 ? "ringing" : "dialing";
}

/** Codec and the worse of both scores. */
function noteOf(headers) {
  const codec = headers.CallerCodec ?? headers.CalledCodec;
  const scores = [headers.SrcMOSF1, headers.DstMOSF1].filter((score) => score !== undefined).map(Number);
  const words = [];
  if (Number(headers.LastSIPResponseNum) >= 300) words.push(`SIP ${headers.LastSIPResponseNum}`);
  if (codec !== undefined) words.push(CODECS[codec] ?? `payload ${codec}`);
  if (scores.length) words.push(`MOS ${Math.min(...scores).toFixed(1)}`);
  return words.join(", ");
}

/** A row of listcalls with the names and units that events have. */
function headersOf(columns, row) {
  const headers = {};
  columns.forEach((column, place) => {
    const name = HEADERS[column];
    const value = row[place];
    if (name === undefined || value === null || value === "") return;
    if (ADDRESSES.has(name)) headers[name] = addressOf(value);
    else headers[name] = SCORES.has(name) ? (value / 10).toFixed(1) : String(value);
  });
  return headers;
}

/** IPv4 comes as a number. */
function addressOf(value) {
  if (typeof value !== "number") return String(value);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
