// What was missed while the connection was lost: counted as it is caught up with, and said in one sentence.

import { count, span } from "./format.js";

const SETTLE_MS = 700;

export class Missed {
  #tell;
  #lostAt = 0;
  #behind = new Map();
  #caughtUp = 0;
  #gaps = [];
  #timer = 0;

  /** @param {(words: string) => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** The connection has ended; what was not said yet is said when it is back. */
  lost() {
    this.#lostAt ||= Date.now();
    clearTimeout(this.#timer);
  }

  /** It is back; what is behind the positions as of now was missed. */
  resumed(since, positions) {
    if (!this.#lostAt) return;
    if (since === null) this.#gaps.push({ server: "", reason: "new epoch", from: null, to: null });
    this.#behind = new Map(Object.entries(positions));
    this.#settle();
  }

  /** An event has come, of before or of now. */
  event({ server, epoch, seq }) {
    const position = this.#behind.get(server);
    if (position === undefined) return;
    if (position.epoch === epoch && seq <= position.seq) {
      this.#caughtUp += 1;
      this.#settle();
    }
  }

  /** So much will never come. */
  gap(gap) {
    this.#gaps.push(gap);
    this.#settle();
  }

  /** Say it when nothing more of the past has come for a moment. */
  #settle() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#tell(this.#words());
      this.#behind.clear();
      this.#gaps = [];
      this.#caughtUp = 0;
      this.#lostAt = 0;
    }, SETTLE_MS);
  }

  #words() {
    const away = this.#lostAt ? `Back after ${span((Date.now() - this.#lostAt) / 1000)}: ` : "";
    const caughtUp = this.#lostAt ? `${count(this.#caughtUp, "event")} caught up` : "";
    const lost = this.#gaps.map(wordsOf);
    if (this.#lostAt && !lost.length) return `${away}${caughtUp}, nothing is missing.`;
    return `${away}${[caughtUp, ...new Set(lost)].filter(Boolean).join("; ")}.`;
  }
}

const REASONS = {
  "slow client": "this page was too slow",
  "not in journal": "amp does not have them any more",
  "new epoch": "amp was started anew, what came meanwhile is not known",
  "server lost": "amp was not connected to it, what it did meanwhile is not known",
  "unknown server": "it is gone",
};

function wordsOf({ server, from, to, reason }) {
  const where = server ? `${server}: ` : "";
  const why = REASONS[reason] ?? reason;
  return from === null || to === null ? `${where}${why}` : `${where}${count(to - from + 1, "event")} missing, ${why}`;
}
