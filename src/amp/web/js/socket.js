// The WebSocket: requests with their answers, events in order, and a way back after every end.
//
// It keeps where it stands with each server, comes back with growing pauses, and subscribes with `since`,
// so that what happened meanwhile comes too, or is told as a gap (docs/websocket.md, Resuming).

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const QUIET_MS = 20_000;
const ANSWER_MS = 10_000;

/** The connection was refused for good: nobody is signed in (any more). */
const POLICY = 1008;

/** What the WebSocket answered instead of ok, or that it ended. */
export class RequestError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * @typedef {object} Listener
 * @property {(message: object) => void} event of a server: server, epoch, seq, event, headers
 * @property {(gap: object) => void} gap what is missing
 * @property {(since: object|null, positions: object) => void} live subscribed; `since` is what it resumed from
 * @property {(state: string, retryAt: number) => void} state "connecting", "live", "waiting" or "closed"
 * @property {(code: number, opened: boolean) => void} closed it has ended; called before the next try
 */

export class Socket {
  #url;
  #listener;
  #socket = null;
  #opened = false;
  #stopped = false;
  #events;
  #positions = new Map();
  #waiting = new Map();
  #number = 0;
  #failures = 0;
  #retry = 0;
  #heardAt = 0;
  #watch = 0;

  /**
   * @param {string} url
   * @param {string[]} events names or globs to subscribe to; none are all
   * @param {Listener} listener
   */
  constructor(url, events, listener) {
    this.#url = url;
    this.#events = events;
    this.#listener = listener;
    this.#watch = setInterval(() => this.#watchSilence(), QUIET_MS / 4);
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#open();
  }

  /** End it for good. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    this.#socket?.close(1000);
    this.#listener.state("closed", 0);
  }

  /** Subscribe to other events; what is in both selections goes on without a break. */
  select(events) {
    if (String(events) === String(this.#events)) return;
    this.#events = events;
    if (this.#opened) this.#subscribe(null).catch(() => {});
  }

  /**
   * Ask something.
   *
   * @param {object} fields of the request, without its id
   * @returns {Promise<object>} the answer
   * @throws {RequestError}
   */
  request(fields) {
    if (!this.#opened) return Promise.reject(new RequestError("closed", "amp is not connected"));
    this.#number += 1;
    const id = this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, ...fields }));
    });
  }

  // -- one connection --------------------------------------------------------------------------------

  #open() {
    this.#listener.state("connecting", 0);
    const socket = new WebSocket(this.#url, "amp.v1");
    this.#socket = socket;
    socket.onopen = () => this.#begin();
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ code }) => this.#ended(socket, code);
  }

  async #begin() {
    this.#opened = true;
    this.#heardAt = Date.now();
    let since = this.#positions.size ? Object.fromEntries(this.#positions) : null;
    try {
      const positions = await this.#subscribe(since).catch((error) => {
        if (error.code !== "bad_request" || since === null) throw error;
        this.#positions.clear(); // they are of another amp: begin anew
        since = null;
        return this.#subscribe(null);
      });
      this.#failures = 0;
      this.#listener.state("live", 0);
      this.#listener.live(since, positions);
    } catch (error) {
      if (error.code !== "not_signed_in") return; // it has ended, and the next one is on its way
      const socket = this.#socket;
      this.#ended(socket, POLICY);
      socket.close();
    }
  }

  async #subscribe(since) {
    const request = { type: "subscribe", events: this.#events, batch: true };
    const { positions } = await this.request(since ? { ...request, since } : request);
    for (const [server, position] of Object.entries(positions)) {
      if (!this.#positions.has(server)) this.#positions.set(server, position);
    }
    return positions;
  }

  #take(message) {
    this.#heardAt = Date.now();
    switch (message.type) {
      case "event":
        this.#event(message);
        break;
      case "events":
        for (const one of message.events) {
          this.#event({ server: message.server, epoch: message.epoch, ...one });
        }
        break;
      case "gap":
        this.#gap(message);
        break;
      case "response":
        this.#answer(message);
        break;
    }
  }

  #event(event) {
    this.#positions.set(event.server, { epoch: event.epoch, seq: event.seq });
    this.#listener.event(event);
  }

  #gap(gap) {
    if (gap.seq === null) this.#positions.delete(gap.server);
    else this.#positions.set(gap.server, { epoch: gap.epoch, seq: gap.seq });
    this.#listener.gap(gap);
  }

  #answer(answer) {
    const asker = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) asker?.resolve(answer);
    else asker?.reject(new RequestError(answer.error.code, answer.error.message));
  }

  // -- its end, and the next one ---------------------------------------------------------------------

  #ended(socket, code) {
    if (socket !== this.#socket) return;
    const opened = this.#opened;
    this.#opened = false;
    this.#socket = null;
    for (const { reject } of this.#waiting.values()) reject(new RequestError("closed", "the connection ended"));
    this.#waiting.clear();
    if (this.#stopped) return;
    this.#listener.closed(code, opened);
    if (this.#stopped) return; // the listener may have had enough
    if (code === POLICY) this.stop();
    else this.#pause();
  }

  #pause() {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures += 1;
    const pause = longest / 2 + (Math.random() * longest) / 2; // so that not all pages come at once
    this.#retry = setTimeout(() => this.#open(), pause);
    this.#listener.state("waiting", Date.now() + pause);
  }

  /** The network is back, or somebody looks again: no reason to wait. */
  #hurry = () => {
    if (this.#stopped || this.#socket !== null || document.hidden) return;
    clearTimeout(this.#retry);
    this.#open();
  };

  /** A browser does not notice that the other end is gone: ask after silence, and give up without an answer. */
  #watchSilence() {
    if (!this.#opened) return;
    const silent = Date.now() - this.#heardAt;
    if (silent > QUIET_MS + ANSWER_MS) {
      const socket = this.#socket;
      this.#ended(socket, 1006); // its own close may come in minutes
      socket.close();
    } else if (silent > QUIET_MS) {
      this.request({ type: "ping" }).catch(() => {});
    }
  }
}
