import type { Log, LogReader, OffsetRange } from "@shardcast/log";
import { isShardcastError } from "@shardcast/protocol";
import { retry } from "../execution/retry.ts";
import { untilAbort } from "../execution/until-abort.ts";
import type { HeldLane } from "../ownership/held-lane.ts";

/** What it has to know of a lane that is held. */
type BarredLane = Pick<HeldLane, "lane" | "state" | "signal"> & {
  readonly execution: Pick<HeldLane["execution"], "doneBelow">;
};

export interface LaneBarrierOptions {
  readonly log: Pick<Log, "rangesOf">;
  /** Name of the topic whose partitions are the lanes. */
  readonly requests: string;
  readonly reader: Pick<LogReader, "reached">;
  /** Resolves when the lanes that are this member's are held. */
  readonly settled: () => Promise<void>;
  readonly held: () => readonly BarredLane[];
  /** Fires when nobody waits any more. */
  readonly halted: AbortSignal;
}

const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 1_000;

/** Tells when everything is done that lay on this member's lanes at a time. */
export class LaneBarrier {
  readonly #options: LaneBarrierOptions;
  #asking: Promise<readonly OffsetRange[]> | undefined;
  /** Asked when the one under way has its answer: that one may not see what was sent since. */
  #next: Promise<readonly OffsetRange[]> | undefined;

  constructor(options: LaneBarrierOptions) {
    this.#options = options;
  }

  /**
   * Resolves when every lane held now is done up to its end as it is now. A lane that is lost or released meanwhile does not
   * hold it up. Rejects when nobody waits any more.
   */
  async passed(): Promise<void> {
    const { settled, held, halted } = this.#options;
    const asked = this.#ends();
    asked.catch(() => {}); // awaited below
    await untilAbort(settled(), halted);
    const lanes = held().filter(({ state }) => state !== "acquiring");
    const ends = await asked;
    await untilAbort(
      Promise.all(lanes.map((lane) => this.#done(lane, (ends[lane.lane] as OffsetRange).high))),
      halted,
    );
    halted.throwIfAborted();
  }

  /** Resolves when everything below the offset is done, or the lane is not held any more. */
  async #done(held: BarredLane, end: number): Promise<void> {
    const { reader, requests } = this.#options;
    const { lane, execution, signal } = held;
    // The end may be one that no record has, behind a commit's mark: what was delivered up to there tells.
    const done = reader.reached(requests, lane, end).then(() => execution.doneBelow(end));
    try {
      await untilAbort(done, signal);
    } catch {
      // The reader was closed.
    }
  }

  /** The ends of the lanes as they are now or later. */
  #ends(): Promise<readonly OffsetRange[]> {
    this.#next ??= this.#ask();
    return this.#next;
  }

  async #ask(): Promise<readonly OffsetRange[]> {
    const { log, requests, halted } = this.#options;
    await this.#asking?.catch(() => {});
    this.#next = undefined; // who comes from now on is not answered by this one
    this.#asking = retry(() => log.rangesOf(requests), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: RETRY_MIN_MS,
      maxTimeout: RETRY_MAX_MS,
      randomize: true,
      signal: halted,
      shouldRetry: ({ error }) => !(isShardcastError(error) && error.code === "SHARDCAST_CLOSED"),
    });
    return this.#asking;
  }
}
