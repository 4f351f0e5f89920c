import { type ReplyEnvelope, type ResultEnd, ShardcastError } from "@shardcast/protocol";
import { toError, toReply } from "./answer.ts";
import type { DrainRate } from "./drain-rate.ts";
import { type KeyCounts, keyName } from "./key-counts.ts";
import type { Reply } from "./options.ts";
import { withRequestId } from "./request-id.ts";

/** A lane of a service, and how many requests wait for it. Counted by {@link Pending}. */
export interface Lane {
  readonly number: number;
  readonly name: string;
  waiting: number;
  /** What waits, by its key, and what was submitted and has not ended. */
  readonly keys: KeyCounts;
  readonly drain: DrainRate;
}

/** One request that waits. However it ends, {@link Pending} cleans up after it in one place. */
interface Waiting {
  readonly id: string;
  readonly lane: Lane;
  /** What it is counted as; undefined for one that is not counted for its key here. */
  readonly key: string | undefined;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: ShardcastError) => void;
  /** Ends a wait that is over without an answer. */
  readonly giveUp: (error: ShardcastError) => void;
  readonly timer: NodeJS.Timeout;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
  readonly onEnd: (() => void) | undefined;
}

export interface PendingLimits {
  readonly maxPending: number;
  readonly maxPendingPerLane: number;
  /** Default: as many as for the lane. */
  readonly maxPendingPerKey?: number;
}

export interface WaitOptions {
  /** The request's id, which every error says. What is waited by may be another one: see `ReplyAddress.correlation`. */
  readonly id: string;
  readonly lane: Lane;
  /** The shard key that it counts for; none for who has counted it already. */
  readonly key?: Buffer | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Called when the wait is over, whatever ended it. */
  readonly onEnd?: (() => void) | undefined;
  /** Called when the signal ended it. */
  readonly onAborted?: (() => void) | undefined;
}

/**
 * The requests of this process that wait for a reply, by what the reply is found by. Every entry ends exactly once (C4), by
 * reply, record, time-out, abort, failure or close, and takes its timer and its listener with it; `size` is 0 when nobody
 * waits. Every error says which request it ended.
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
   * @throws {ShardcastError} SHARDCAST_OVERLOADED, SHARDCAST_LANE_BUSY, SHARDCAST_KEY_BUSY (C7), SHARDCAST_ABORTED
   */
  wait(name: string, options: WaitOptions): Promise<Reply> {
    const key = this.#admit(options);
    return new Promise((resolve, reject) =>
      this.#add(name, options, { key, resolve, reject, giveUp: reject }),
    );
  }

  /** The same for who can do without: nothing comes of it when the time is over, or when the client closes. */
  waitAWhile(name: string, options: WaitOptions): Promise<Reply | undefined> {
    const key = this.#admit(options);
    return new Promise((resolve, reject) => {
      this.#add(name, options, { key, resolve, reject, giveUp: () => resolve(undefined) });
    });
  }

  /** The lane of a request that waits. */
  laneOf(name: string): Lane | undefined {
    return this.#waiting.get(name)?.lane;
  }

  /** False when nobody waits for it any more: late, a duplicate, or a stranger's. */
  settle(reply: ReplyEnvelope): boolean {
    return this.#settle(reply.correlation ?? reply.id, reply);
  }

  /** By what is recorded of the request. */
  settleBy(name: string, end: ResultEnd): boolean {
    return this.#settle(name, end);
  }

  fail(name: string, error: unknown): void {
    const entry = this.#take(name);
    entry?.reject(withRequestId(error, entry.id));
  }

  /** Gives all of them up. */
  failAll(error: unknown): void {
    for (const name of [...this.#waiting.keys()]) {
      const entry = this.#take(name);
      entry?.giveUp(withRequestId(error, entry.id));
    }
  }

  /** The name of the key, so that it is made once. */
  #admit({ id, lane, key, signal }: WaitOptions): string | undefined {
    if (signal?.aborted) throw abortedError(signal, id);
    const { maxPending, maxPendingPerLane, maxPendingPerKey = maxPendingPerLane } = this.#limits;
    if (this.#waiting.size >= maxPending) {
      throw refused("SHARDCAST_OVERLOADED", `${maxPending} requests are in flight already`, lane, id);
    }
    if (lane.waiting >= maxPendingPerLane) {
      const detail = `${lane.waiting} requests wait for lane ${lane.name} already`;
      throw refused("SHARDCAST_LANE_BUSY", detail, lane, id);
    }
    if (key === undefined) return undefined;
    const name = keyName(key);
    if (lane.keys.of(name) >= maxPendingPerKey) throw busyKeyError(lane, name, id);
    return name;
  }

  #add(
    name: string,
    { id, lane, timeoutMs, signal, onEnd, onAborted }: WaitOptions,
    ends: Pick<Waiting, "key" | "resolve" | "reject" | "giveUp">,
  ): void {
    lane.waiting++;
    lane.drain.begin();
    if (ends.key !== undefined) lane.keys.add(ends.key);
    const timer = setTimeout(() => this.#take(name)?.giveUp(timedOut(timeoutMs, id)), timeoutMs);
    const onAbort = () => {
      const entry = this.#take(name);
      if (entry === undefined) return;
      onAborted?.();
      entry.reject(abortedError(signal as AbortSignal, id));
    };
    signal?.addEventListener("abort", onAbort);
    this.#waiting.set(name, { id, lane, ...ends, timer, signal, onAbort, onEnd });
  }

  #settle(name: string, outcome: ReplyEnvelope | ResultEnd): boolean {
    const entry = this.#take(name, "answered");
    if (entry === undefined) return false;
    if (outcome.error === undefined) entry.resolve(toReply(outcome));
    else entry.reject(toError(outcome, outcome.error));
    return true;
  }

  #take(name: string, how: "answered" | "given up" = "given up"): Waiting | undefined {
    const entry = this.#waiting.get(name);
    if (entry === undefined) return undefined;
    this.#waiting.delete(name);
    clearTimeout(entry.timer);
    entry.signal?.removeEventListener("abort", entry.onAbort);
    const { lane, key } = entry;
    lane.waiting--;
    if (key !== undefined) lane.keys.remove(key);
    lane.drain.end(how);
    entry.onEnd?.();
    return entry;
  }
}

export function abortedError({ reason }: AbortSignal, requestId: string): ShardcastError {
  return new ShardcastError("SHARDCAST_ABORTED", "the caller aborted the request", {
    cause: reason,
    extensions: { requestId },
  });
}

/** Too much of one key is in flight (C7). */
export function busyKeyError(lane: Lane, key: string, requestId: string): ShardcastError {
  const detail = `${lane.keys.of(key)} requests of this key are in flight already`;
  return refused("SHARDCAST_KEY_BUSY", detail, lane, requestId);
}

type Refusal = "SHARDCAST_OVERLOADED" | "SHARDCAST_LANE_BUSY" | "SHARDCAST_KEY_BUSY";

/** Says as well when the lane will have answered what waits for it now. */
function refused(code: Refusal, detail: string, lane: Lane, requestId: string): ShardcastError {
  const retryAfterSeconds = lane.drain.seconds;
  return new ShardcastError(code, detail, { extensions: { retryAfterSeconds, requestId } });
}

function timedOut(timeoutMs: number, requestId: string): ShardcastError {
  return new ShardcastError("SHARDCAST_DEADLINE_EXCEEDED", `no reply within ${timeoutMs} ms`, {
    extensions: { requestId },
  });
}
