/**
 * A time-out that moves with each request. The timer behind it is set anew only to be due earlier; when it comes too early, it looks
 * again: requests that are answered in time set none.
 */
export class Deadline {
  readonly #onDue: () => void;
  #dueMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** In so many milliseconds from now, which is by `performance.now()`; 0 is never. */
  set(timeoutMs: number, nowMs = performance.now()): void {
    if (timeoutMs === 0) {
      this.clear();
      return;
    }
    this.#dueMs = nowMs + timeoutMs;
    if (this.#dueMs < this.#timerMs) this.#start(nowMs);
  }

  clear(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  /** For good: no timer is left. */
  stop(): void {
    this.clear();
    clearTimeout(this.#timer);
    this.#timerMs = Number.NEGATIVE_INFINITY;
  }

  #start(nowMs: number): void {
    clearTimeout(this.#timer);
    this.#timerMs = this.#dueMs;
    this.#timer = setTimeout(this.#onTimer, Math.ceil(this.#dueMs - nowMs)).unref();
  }

  readonly #onTimer = (): void => {
    this.#timerMs = Number.POSITIVE_INFINITY;
    const nowMs = performance.now();
    if (nowMs >= this.#dueMs) {
      this.clear();
      this.#onDue();
    } else if (this.#dueMs !== Number.POSITIVE_INFINITY) this.#start(nowMs);
  };
}
