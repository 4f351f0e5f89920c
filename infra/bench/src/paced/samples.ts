import { percentile, sorted } from "../figures.ts";

/** One request that was answered. Times are those of `nowMs`. */
export interface Sample {
  readonly lane: number;
  /** When its turn was, whether it could be sent then or not: a generator that is held up must not hide waiting. */
  readonly dueMs: number;
  readonly answeredMs: number;
  /** Process id of the worker whose handler answered. */
  readonly by: number;
}

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Those that were waiting at some time of the window. */
export function waitingWithin(samples: readonly Sample[], { fromMs, toMs }: Window): Sample[] {
  return samples.filter(({ dueMs, answeredMs }) => dueMs <= toMs && answeredMs >= fromMs);
}

/** Ascending. */
export function waitsOf(samples: readonly Sample[]): Float64Array {
  return sorted([Float64Array.from(samples, ({ dueMs, answeredMs }) => answeredMs - dueMs)]);
}

/**
 * What a move cost a lane: the longest wait around it, over what is usual. Undefined when the lane had no request then,
 * so that nobody can tell.
 */
export function pauseOf(
  lane: number,
  window: Window,
  samples: readonly Sample[],
  usualMs: number,
): number | undefined {
  const waits = waitsOf(waitingWithin(samples, window).filter((sample) => sample.lane === lane));
  return waits.length === 0 ? undefined : Math.max(0, percentile(waits, 100) - usualMs);
}
