import type { Directory } from "@shardcast/control";
import type { LaneProgress, LogReader } from "@shardcast/log";
import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import type { Results } from "@shardcast/results";
import type { Logger } from "pino";
import { farther } from "../execution/done-above.ts";
import type { Lane } from "../execution/lane.ts";
import type { LaneScope, LeaseView } from "../execution/request.ts";
import { retry } from "../execution/retry.ts";
import { callHook, type OnLaneAcquired, type OnLaneReleased } from "../hooks.ts";
import { Cooling } from "./cooling.ts";
import { HeldLane } from "./held-lane.ts";
import type { LaneRecords } from "./lane-records.ts";
import type { Member } from "./member.ts";
import type { ParkedLanes } from "./parked-lanes.ts";
import { Releaser } from "./releaser.ts";
import { Remains } from "./remains.ts";

export type LaneEvent = "laneAcquired" | "laneReleased" | "laneLost";

export interface HeldLanesOptions {
  readonly member: Member;
  readonly directory: Directory;
  readonly reader: LogReader;
  readonly results: Pick<Results, "caughtUp">;
  /** Absent where no key is parked. */
  readonly parked: Pick<ParkedLanes, "caughtUp"> | undefined;
  readonly records: LaneRecords;
  readonly lease: LeaseView;
  /** Name of the topic whose partitions are the lanes. */
  readonly requests: string;
  readonly drainMs: number;
  readonly hookTimeoutMs: number;
  /** What was done and not committed may be taken along by this process; not where replies are committed with it (EOS). */
  readonly carryProgress: boolean;
  /** Resolves when no commit is under way that says more of the lane than its own progress does. */
  readonly settled: (lane: number) => Promise<void>;
  readonly onLaneAcquired: OnLaneAcquired | undefined;
  readonly onLaneReleased: OnLaneReleased | undefined;
  /** Makes what executes a lane, from where it goes on and what of that is committed. */
  readonly execution: (
    lane: number,
    fencingToken: number,
    signals: Pick<LaneScope, "signal" | "over">,
    from: LaneProgress | undefined,
    committed: LaneProgress | undefined,
  ) => Lane;
  readonly onEvent: (event: LaneEvent, held: HeldLane) => void;
  /** Something has changed that may have to be acted upon. */
  readonly onChange: () => void;
  readonly logger: Logger;
}

const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 1_000;

/** The lanes this member holds, each from the claim that counted to the release, or the loss. */
export class HeldLanes {
  readonly #options: HeldLanesOptions;
  readonly #held = new Map<number, HeldLane>();
  readonly #releaser: Releaser;
  /** What still runs of lanes that were lost. */
  readonly remains: Remains;
  /** Lanes that could not be taken. */
  readonly cooling = new Cooling();

  constructor(options: HeldLanesOptions) {
    const { onChange, drainMs, settled, logger } = options;
    this.#options = options;
    this.remains = new Remains({ patienceMs: drainMs, settled, onEnded: onChange, logger });
    this.#releaser = new Releaser({ ...options, onReleased: (held) => this.released(held) });
  }

  /** Ascending. */
  all(): HeldLane[] {
    return [...this.#held.values()].sort((a, b) => a.lane - b.lane);
  }

  get(lane: number): HeldLane | undefined {
    return this.#held.get(lane);
  }

  /** The claim counted: runs the hook beside the first reading and the last results, then handlers may start. */
  hold(lane: number, token: number, committed: LaneProgress | undefined): void {
    const from = this.remains.take(lane) ?? this.#known(lane, committed);
    const handlers = new AbortController();
    const over = new AbortController();
    const signals = { signal: handlers.signal, over: over.signal };
    const execution = this.#options.execution(lane, token, signals, from, committed);
    const held = new HeldLane(lane, token, execution, handlers, over);
    this.#held.set(lane, held);
    void this.#acquire(held);
  }

  /** Drains a lane, lets it be flushed, and has it released. @param recordWithinMs as `HeldLane.drain` */
  async letGo(held: HeldLane, withinMs: number, recordWithinMs?: number): Promise<void> {
    if (held.state !== "acquiring" && held.state !== "owned") return;
    const { onLaneReleased, hookTimeoutMs, logger } = this.#options;
    const { lane } = held;
    const acquired = held.state === "owned";
    await held.drain(acquired ? withinMs : 0, recordWithinMs);
    if (held.lost.aborted) return;
    if (held.signal.aborted && acquired) {
      logger.warn({ lane, withinMs }, "grace time is over; running handlers are abandoned");
    }
    if (acquired) {
      const context = { fencingToken: held.token, signal: held.lost };
      await callHook(onLaneReleased, lane, context, hookTimeoutMs).catch((error: unknown) => {
        logger.error({ err: error, lane }, "onLaneReleased failed; the lane is released all the same");
      });
    }
    this.#releaser.add(held);
  }

  /** It is on the topic that the lane was released. */
  released(held: HeldLane): void {
    held.end();
    this.#held.delete(held.lane);
    this.#options.onEvent("laneReleased", held);
    this.#options.onChange();
  }

  /** @param carry it may still be ours: what was done counts, and what has ended is recorded if it is */
  lose(held: HeldLane, why: string, carry = false): void {
    const reason = new ShardcastError("SHARDCAST_FENCED", why);
    held.lose(reason);
    if (!carry) held.abandon(reason);
    this.#held.delete(held.lane);
    this.remains.add(held, carry);
    this.#options.onEvent("laneLost", held);
    this.#options.onChange();
  }

  /** Goes on with releases that had no session. */
  releaseOn(): void {
    this.#releaser.run();
  }

  /** Lets go of everything as it is. */
  close(reason: ShardcastError): void {
    for (const held of this.#held.values()) {
      held.lose(reason);
      held.abandon(reason);
    }
    this.remains.abandon(reason);
    this.#held.clear();
  }

  /** What the last owner said when it released the lane may not have been committed yet, or never. */
  #known(lane: number, committed: LaneProgress | undefined): LaneProgress | undefined {
    const progress = this.#options.directory.state.progress(lane);
    if (progress === undefined) return committed;
    const said = { lane, ...progress };
    return committed === undefined ? said : farther(committed, said);
  }

  async #acquire(held: HeldLane): Promise<void> {
    const { logger, onEvent, onChange } = this.#options;
    const { lane, signal } = held;
    try {
      await Promise.all([
        this.#callAcquired(held),
        this.#read(held),
        this.#knowResults(held),
        this.#knowParked(held),
      ]);
    } catch (error) {
      if (signal.aborted) return;
      const coolMs = this.cooling.failed(lane);
      logger.error({ err: error, lane, coolMs }, "the lane could not be taken; it is given back for now");
      await this.letGo(held, 0);
      return;
    }
    if (held.state !== "acquiring") return;
    this.cooling.succeeded(lane);
    held.begin();
    onEvent("laneAcquired", held);
    onChange();
  }

  /** C2: only under the lease. This process may have been stopped since it claimed the lane, and another have it by now. */
  async #callAcquired({ lane, token, signal }: HeldLane): Promise<void> {
    const { onLaneAcquired, hookTimeoutMs, lease } = this.#options;
    if (!lease.valid) await lease.held(signal);
    await callHook(onLaneAcquired, lane, { fencingToken: token, signal }, hookTimeoutMs);
  }

  async #read({ lane, execution, signal }: HeldLane): Promise<void> {
    const { reader, requests } = this.#options;
    await insist(() => reader.start(requests, lane, execution.position), signal);
  }

  /** C5: what the owners before have recorded, or a request might run again that has ended. */
  async #knowResults({ lane, signal }: HeldLane): Promise<void> {
    const { results } = this.#options;
    await insist(() => results.caughtUp(lane), signal);
  }

  /** C1: which keys the owners before have parked, or a request would run before its predecessor. */
  async #knowParked({ lane, signal }: HeldLane): Promise<void> {
    const { parked } = this.#options;
    if (parked !== undefined) await insist(() => parked.caughtUp(lane), signal);
  }
}

/** Tries on while the log is away. */
function insist<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return retry(call, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: RETRY_MIN_MS,
    maxTimeout: RETRY_MAX_MS,
    randomize: true,
    signal,
    shouldRetry: ({ error }) =>
      isShardcastError(error) && error.retryable && error.code !== "SHARDCAST_CLOSED",
  });
}
