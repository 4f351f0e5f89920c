/**
 * Until when this member may start handlers and send replies (C2): `leaseMs` from the beginning of its last successful
 * commit. On the monotonic clock, which no change of the time of day moves and which goes on while the process is
 * stopped.
 */
export class Lease {
  readonly leaseMs: number;
  #untilMs = Number.NEGATIVE_INFINITY;
  readonly #waiting = new Set<() => void>();

  constructor(leaseMs: number) {
    this.leaseMs = leaseMs;
  }

  get valid(): boolean {
    return performance.now() < this.#untilMs;
  }

  /** A commit has succeeded that was begun at this time (monotonic ms). */
  renewed(begunMs: number): void {
    this.#untilMs = Math.max(this.#untilMs, begunMs + this.leaseMs);
    if (!this.valid) return;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves while the lease is valid; rejects with the signal's reason. Check {@link valid} first: that is free. */
  async held(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.valid) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const abort = () => reject(signal.reason);
      this.#waiting.add(resolve);
      signal.addEventListener("abort", abort, { once: true });
      try {
        await promise;
      } finally {
        this.#waiting.delete(resolve);
        signal.removeEventListener("abort", abort);
      }
    }
  }
}
