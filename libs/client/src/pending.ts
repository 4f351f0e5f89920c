import { type ReplyEnvelope, ShardcastError } from "@shardcast/protocol";
import { toError, toReply } from "./answer.ts";
import type { Reply } from "./options.ts";
import { withRequestId } from "./request-id.ts";

/** A lane of a service, and how many requests wait for it. Counted by {@link Pending} alone. */
export interface Lane {
  readonly number: number;
  readonly name: string;
  waiting: number;
}

/** One request that waits. However it ends, {@link Pending} cleans up after it in one place. */
interface Waiting {
  readonly lane: Lane;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: ShardcastError) => void;
  readonly timer: NodeJS.Timeout;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

export interface PendingLimits {
  readonly maxPending: number;
  readonly maxPendingPerLane: number;
}

export interface WaitOptions {
  readonly lane: Lane;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The requests of this process that wait for a reply, by id. Every entry ends exactly once (C4), by reply, time-out,
 * abort, failure or close, and takes its timer and its listener with it; `size` is 0 when nobody waits. Every error
 * says which request it ended.
 */
export class Pending {
  readonly #limits: PendingLimits;
  readonly #waiting = new Map<string, Waiting>();

  constructor(limits: PendingLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Begins to wait.
   *
   * @throws {ShardcastError} SHARDCAST_OVERLOADED, SHARDCAST_LANE_BUSY (C7), SHARDCAST_ABORTED
   */
  wait(id: string, { lane, timeoutMs, signal }: WaitOptions): Promise<Reply> {
    if (signal?.aborted) throw aborted(signal, id);
    const { maxPending, maxPendingPerLane } = this.#limits;
    if (this.#waiting.size >= maxPending) {
      throw refused("SHARDCAST_OVERLOADED", `${maxPending} requests are in flight already`, id);
    }
    if (lane.waiting >= maxPendingPerLane) {
      throw refused("SHARDCAST_LANE_BUSY", `${lane.waiting} requests wait for lane ${lane.name} already`, id);
    }
    lane.waiting++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#take(id)?.reject(timedOut(timeoutMs, id)), timeoutMs);
      const onAbort = () => this.#take(id)?.reject(aborted(signal as AbortSignal, id));
      signal?.addEventListener("abort", onAbort);
      this.#waiting.set(id, { lane, resolve, reject, timer, signal, onAbort });
    });
  }

  /** The lane of a request that waits. */
  laneOf(id: string): Lane | undefined {
    return this.#waiting.get(id)?.lane;
  }

  /** False when nobody waits for it any more: late, a duplicate, or a stranger's. */
  settle(reply: ReplyEnvelope): boolean {
    const entry = this.#take(reply.id);
    if (entry === undefined) return false;
    if (reply.error === undefined) entry.resolve(toReply(reply));
    else entry.reject(toError(reply, reply.error));
    return true;
  }

  fail(id: string, error: unknown): void {
    this.#take(id)?.reject(withRequestId(error, id));
  }

  failAll(error: unknown): void {
    for (const id of [...this.#waiting.keys()]) this.fail(id, error);
  }

  #take(id: string): Waiting | undefined {
    const entry = this.#waiting.get(id);
    if (entry === undefined) return undefined;
    this.#waiting.delete(id);
    clearTimeout(entry.timer);
    entry.signal?.removeEventListener("abort", entry.onAbort);
    entry.lane.waiting--;
    return entry;
  }
}

function refused(code: "SHARDCAST_OVERLOADED" | "SHARDCAST_LANE_BUSY", detail: string, requestId: string) {
  return new ShardcastError(code, detail, { extensions: { requestId } });
}

function timedOut(timeoutMs: number, requestId: string): ShardcastError {
  return new ShardcastError("SHARDCAST_DEADLINE_EXCEEDED", `no reply within ${timeoutMs} ms`, {
    extensions: { requestId },
  });
}

function aborted({ reason }: AbortSignal, requestId: string): ShardcastError {
  return new ShardcastError("SHARDCAST_ABORTED", "the caller aborted the request", {
    cause: reason,
    extensions: { requestId },
  });
}
