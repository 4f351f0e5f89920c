import type { RequestEnvelope } from "@shardcast/protocol";
import type { Results } from "@shardcast/results";
import { keyName } from "./key-counts.ts";
import { busyKeyError, type Lane } from "./pending.ts";

export interface SubmissionLimits {
  readonly maxPendingPerKey: number;
  /** Beyond it the oldest are forgotten (C7). */
  readonly maxHeld: number;
}

/** A request that was submitted and, as far as is known, has not ended. */
interface Held {
  readonly lane: Lane;
  readonly key: string;
  readonly unwatch: () => void;
  /** Epoch milliseconds after which its end would be forgotten: it is of no use to wait for it. */
  readonly untilMs: number;
}

const NOTHING = () => {};

/**
 * The submitted requests of this process that have not ended, which count for their keys as those do that somebody waits for.
 * Not those that are delayed: they wait for their time, not for their key.
 */
export class Submissions {
  readonly #limits: SubmissionLimits;
  /** In the order of submission. */
  readonly #held = new Map<string, Held>();

  constructor(limits: SubmissionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * Counts a request that is about to be published until the results say that it has ended. Without results it is not
   * counted, since nobody would say so. Returns what counts it no more, for a request that could not be published.
   *
   * @throws {ShardcastError} SHARDCAST_KEY_BUSY (C7)
   */
  hold({ id, key, notBeforeMs }: RequestEnvelope, lane: Lane, results: Results | undefined): () => void {
    this.#forgetOld();
    // A repetition is the same request (C5).
    if (this.#held.has(id)) return NOTHING;
    const name = keyName(key);
    if (lane.keys.of(name) >= this.#limits.maxPendingPerKey) throw busyKeyError(lane, name, id);
    if (results === undefined || notBeforeMs !== undefined) return NOTHING;
    const unwatch = results.watch(id, ({ kind }) => {
      if (kind === "ended") this.#take(id, "answered");
    });
    this.#held.set(id, { lane, key: name, unwatch, untilMs: Date.now() + results.retentionMs });
    lane.keys.add(name);
    lane.drain.begin();
    if (this.#held.size > this.#limits.maxHeld) this.#releaseOldest();
    return () => this.#take(id, "given up");
  }

  /** For good. */
  clear(): void {
    for (const id of [...this.#held.keys()]) this.#take(id, "given up");
  }

  #take(id: string, how: "answered" | "given up"): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    held.unwatch();
    const { lane, key } = held;
    lane.keys.remove(key);
    lane.drain.end(how);
  }

  #forgetOld(): void {
    const nowMs = Date.now();
    for (const [id, { untilMs }] of this.#held) {
      if (untilMs > nowMs) return;
      this.#take(id, "given up");
    }
  }

  #releaseOldest(): void {
    for (const id of this.#held.keys()) {
      this.#take(id, "given up");
      return;
    }
  }
}
