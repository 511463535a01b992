// Something that is asked again and again while it is wanted: one question at a time, however often it is
// switched on and off.

export class Poll {
  #work;
  #pause_ms;
  #round = 0;
  #timer = 0;

  /**
   * @param {() => Promise<void>} work it must not throw
   * @param {number} pause_ms between an answer and the next question
   */
  constructor(work, pause_ms) {
    this.#work = work;
    this.#pause_ms = pause_ms;
  }

  /** Ask at once, and then again and again. */
  start() {
    this.stop();
    this.#ask(this.#round);
  }

  /** No further question; an answer that is on its way may still come. */
  stop() {
    this.#round += 1;
    clearTimeout(this.#timer);
  }

  async #ask(round) {
    await this.#work();
    if (round === this.#round) this.#timer = setTimeout(() => this.#ask(round), this.#pause_ms);
  }
}
