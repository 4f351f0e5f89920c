import { type ReplyEnvelope, ShardcastError } from "@shardcast/protocol";

/** One request that waits. Its variants of ending all go through {@link Pending.settle}, which owns the clean-up. */
interface Waiting {
  readonly lane: string;
  readonly resolve: (reply: ReplyEnvelope) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
  readonly unlisten: () => void;
}

export interface PendingLimits {
  readonly maxPending: number;
  readonly maxPendingPerLane: number;
}

export interface WaitOptions {
  /** Which lane the request is on; any string that tells lanes apart. */
  readonly lane: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The requests of this process that wait for a reply, by id. Every entry ends exactly once (C4), by reply, time-out,
 * abort, failure or close, and takes its timer and its listener with it; `size` is 0 when nobody waits.
 */
export class Pending {
  readonly #limits: PendingLimits;
  readonly #waiting = new Map<string, Waiting>();
  readonly #perLane = new Map<string, number>();

  constructor(limits: PendingLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Begins to wait. The promise is handled already, so an entry may be failed before it is awaited.
   *
   * @throws {ShardcastError} SHARDCAST_OVERLOADED, SHARDCAST_LANE_BUSY (C7), SHARDCAST_ABORTED
   */
  wait(id: string, { lane, timeoutMs, signal }: WaitOptions): Promise<ReplyEnvelope> {
    if (signal?.aborted) throw aborted(signal);
    if (this.#waiting.size >= this.#limits.maxPending) {
      throw new ShardcastError(
        "SHARDCAST_OVERLOADED",
        `${this.#limits.maxPending} requests are in flight already`,
      );
    }
    const inLane = this.#perLane.get(lane) ?? 0;
    if (inLane >= this.#limits.maxPendingPerLane) {
      throw new ShardcastError("SHARDCAST_LANE_BUSY", `${inLane} requests wait for lane ${lane} already`);
    }
    this.#perLane.set(lane, inLane + 1);
    const promise = new Promise<ReplyEnvelope>((resolve, reject) => {
      const timer = setTimeout(() => this.fail(id, timedOut(timeoutMs)), timeoutMs);
      const onAbort = () => this.fail(id, aborted(signal as AbortSignal));
      signal?.addEventListener("abort", onAbort, { once: true });
      const unlisten = () => signal?.removeEventListener("abort", onAbort);
      this.#waiting.set(id, { lane, resolve, reject, timer, unlisten });
    });
    promise.catch(() => {});
    return promise;
  }

  /** False when nobody waits for it any more: late, a duplicate, or a stranger's. */
  settle(reply: ReplyEnvelope): boolean {
    const entry = this.#take(reply.id);
    entry?.resolve(reply);
    return entry !== undefined;
  }

  fail(id: string, error: unknown): void {
    this.#take(id)?.reject(error);
  }

  failAll(error: unknown): void {
    for (const id of [...this.#waiting.keys()]) this.fail(id, error);
  }

  #take(id: string): Waiting | undefined {
    const entry = this.#waiting.get(id);
    if (entry === undefined) return undefined;
    this.#waiting.delete(id);
    clearTimeout(entry.timer);
    entry.unlisten();
    const left = (this.#perLane.get(entry.lane) ?? 1) - 1;
    if (left === 0) this.#perLane.delete(entry.lane);
    else this.#perLane.set(entry.lane, left);
    return entry;
  }
}

function timedOut(timeoutMs: number): ShardcastError {
  return new ShardcastError("SHARDCAST_DEADLINE_EXCEEDED", `no reply within ${timeoutMs} ms`);
}

function aborted(signal: AbortSignal): ShardcastError {
  return new ShardcastError("SHARDCAST_ABORTED", "the caller aborted the request", { cause: signal.reason });
}
