import bloomFilters, { type TopK } from "bloom-filters";

/** What a lane's answer covers: the half minute that runs, and the one before. */
const HALF_MS = 30_000;
/** Keys that are named. */
const TOP = 10;
/** Counts of a half are too high by one in a hundred of its requests at most, but for one key in a hundred. */
const ERROR_RATE = 0.01;
const DOUBT = 0.01;
/** So many requests of a half are counted one by one, the others by samples: an entry costs about 20 µs (decision 018). */
const EXACT = 50;
const SAMPLED = 32;

/** A key and about how often it was asked for. */
export interface HotKey {
  /** Bytes, as latin1. */
  readonly name: string;
  readonly count: number;
}

export interface HotLaneReport {
  readonly requests: number;
  /** The most frequent first. */
  readonly keys: readonly HotKey[];
}

interface Half {
  readonly number: number;
  requests: number;
  readonly top: TopK;
}

/** The keys of one lane that are asked for most: two sketches in turn, so that its memory does not depend on the keys (C7). */
export class HotLane {
  readonly #random: () => number;
  #current: Half | undefined;
  #before: Half | undefined;

  /** @param random from 0 to below 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  saw(key: Buffer, nowMs: number): void {
    const half = this.#half(nowMs);
    half.requests++;
    if (half.requests <= EXACT) half.top.add(key.toString("latin1"));
    else if (this.#random() * SAMPLED < 1) half.top.add(key.toString("latin1"), SAMPLED);
  }

  report(nowMs: number): HotLaneReport {
    const number = Math.floor(nowMs / HALF_MS);
    const counts = new Map<string, number>();
    let requests = 0;
    for (const half of [this.#current, this.#before]) {
      if (half === undefined || half.number < number - 1) continue;
      requests += half.requests;
      for (const { value, frequency } of half.top.values()) {
        counts.set(value, (counts.get(value) ?? 0) + frequency);
      }
    }
    const keys = [...counts]
      .map(([name, count]) => ({ name, count: Math.min(count, requests) }))
      .sort((a, b) => b.count - a.count)
      .slice(0, TOP);
    return { requests, keys };
  }

  #half(nowMs: number): Half {
    const number = Math.floor(nowMs / HALF_MS);
    if (this.#current?.number === number) return this.#current;
    this.#before = this.#current;
    this.#current = { number, requests: 0, top: new bloomFilters.TopK(TOP, ERROR_RATE, DOUBT) };
    return this.#current;
  }
}
