/** Longest wait for company, milliseconds. */
const MAX_LINGER_MS = 1;
/** Records that must come within that wait for it to be worth its price. */
const WORTH_RECORDS = 2;
/** Weight of the newest interval in the average. */
const WEIGHT = 0.2;

/**
 * Decides how long a batch waits for more records. Waiting pays when others are about to come: it halves the
 * requests that the broker and every reader have to handle. For a lone caller it only adds latency, so the wait follows
 * the arrival rate: zero while fewer than {@link WORTH_RECORDS} records are expected within it.
 */
export class AdaptiveLinger {
  #averageGapMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** Notes the arrival of one record. Time is monotonic milliseconds. */
  arrived(nowMs: number): void {
    const gap = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    // After a pause the past says nothing: begin anew instead of remembering a burst.
    this.#averageGapMs =
      gap > 20 * MAX_LINGER_MS || !Number.isFinite(this.#averageGapMs)
        ? gap
        : this.#averageGapMs + WEIGHT * (gap - this.#averageGapMs);
  }

  /** Milliseconds to wait before sending. */
  lingerMs(): number {
    return this.#averageGapMs * WORTH_RECORDS <= MAX_LINGER_MS ? MAX_LINGER_MS : 0;
  }
}
