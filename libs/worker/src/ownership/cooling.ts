const MIN_MS = 500;
const MAX_MS = 30_000;

/** Lanes that could not be taken, and until when they are left alone; longer each time. */
export class Cooling {
  readonly #lanes = new Map<number, { readonly untilMs: number; readonly failures: number }>();

  /** Returns for how long, milliseconds. */
  failed(lane: number): number {
    const failures = (this.#lanes.get(lane)?.failures ?? 0) + 1;
    const ms = Math.min(MAX_MS, MIN_MS * 2 ** Math.min(failures - 1, 10));
    this.#lanes.set(lane, { untilMs: performance.now() + ms, failures });
    return ms;
  }

  succeeded(lane: number): void {
    this.#lanes.delete(lane);
  }

  /** Whether its last try failed. */
  has(lane: number): boolean {
    return this.#lanes.has(lane);
  }

  /** Monotonic ms. */
  untilMs(lane: number): number {
    return this.#lanes.get(lane)?.untilMs ?? Number.NEGATIVE_INFINITY;
  }
}
