/** How far back the rate looks, milliseconds of waiting: what is older counts for less than a third. */
const MEMORY_MS = 10_000;
const LONGEST_S = 60;

/**
 * How fast a lane answers while requests wait for it: an exponentially weighted rate over the time in which there was
 * something to do. A lane that is idle does not become slow by that; one that stands still does.
 */
export class DrainRate {
  readonly #nowMs: () => number;
  #open = 0;
  /** Both fade with the time that was waited. */
  #answered = 0;
  #waitedMs = 0;
  /** Up to when it was counted. */
  #countedMs = 0;

  /** @param nowMs a monotonic clock, milliseconds */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** One more waits. */
  begin(): void {
    this.#count();
    this.#open++;
  }

  /** One of them waits no more. Only an answer counts: what was given up the lane has still to do. */
  end(how: "answered" | "given up"): void {
    this.#count();
    this.#open--;
    if (how === "answered") this.#answered++;
  }

  /** Whole seconds until what waits is worked off, 1 to 60; 1 while nothing is known. */
  get seconds(): number {
    this.#count();
    if (this.#answered === 0 || this.#waitedMs === 0) return 1;
    const seconds = Math.ceil((this.#open * this.#waitedMs) / (this.#answered * 1_000));
    return Math.min(Math.max(seconds, 1), LONGEST_S);
  }

  #count(): void {
    const nowMs = this.#nowMs();
    if (this.#open > 0) {
      const kept = Math.exp((this.#countedMs - nowMs) / MEMORY_MS);
      this.#answered *= kept;
      this.#waitedMs = this.#waitedMs * kept + MEMORY_MS * (1 - kept);
    }
    this.#countedMs = nowMs;
  }
}
