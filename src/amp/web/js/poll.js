// Something that is asked again and again while it is wanted: one question at a time, however often it is
// switched on and off.

export class Poll {
  #work;
  #pause_ms;
  #wanted = false;
  #asking = false;
  #again = false;
  #timer = 0;

  /**
   * @param {() => Promise<void>} work it must not throw
   * @param {number} pause_ms between an answer and the next question
   */
  constructor(work, pause_ms) {
    this.#work = work;
    this.#pause_ms = pause_ms;
  }

  /** Ask at once, or when the answer is there that is on its way; and then again and again. */
  start() {
    this.#wanted = true;
    clearTimeout(this.#timer);
    if (this.#asking) this.#again = true;
    else this.#ask();
  }

  /** No further question; an answer that is on its way may still come. */
  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
  }

  async #ask() {
    this.#asking = true;
    do {
      this.#again = false;
      await this.#work();
    } while (this.#wanted && this.#again);
    this.#asking = false;
    if (this.#wanted) this.#timer = setTimeout(() => this.#ask(), this.#pause_ms);
  }
}
