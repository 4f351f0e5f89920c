/** A moment that can come earlier than first said, but never later. */
export class Deadline {
  readonly #reached = new AbortController();
  #at: number;
  #timer: NodeJS.Timeout;

  /** `at`: ms of the epoch. */
  constructor(at: number) {
    this.#at = at;
    this.#timer = this.#arm();
  }

  get signal(): AbortSignal {
    return this.#reached.signal;
  }

  moveUp(at: number): void {
    if (at >= this.#at || this.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = this.#arm();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => this.#reached.abort(), Math.max(0, this.#at - Date.now()));
  }
}
