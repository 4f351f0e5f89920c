import type { LaneProgress } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { HeldLane } from "./held-lane.ts";

interface Remainder {
  readonly held: HeldLane;
  /** What was done here counts; where it does not, the log says what does. */
  carry: boolean;
  /** No handler runs any more. */
  drained: boolean;
  ended: boolean;
  readonly end: () => void;
}

export interface RemainsOptions {
  /** How long handlers that were told to stop are waited for. */
  readonly patienceMs: number;
  /** Resolves when no commit is under way that says more of the lane than its own progress does. */
  readonly settled: (lane: number) => Promise<void>;
  readonly onEnded: () => void;
  readonly logger: Logger;
}

/** What is left of lanes that were lost: handlers that were told to stop. Nothing is started beside them (C1). */
export class Remains {
  readonly #options: RemainsOptions;
  readonly #lanes = new Map<number, Remainder>();

  constructor(options: RemainsOptions) {
    this.#options = options;
  }

  /** @param carry nobody else can have gone on with the lane, if it is still ours: what was done here counts */
  add(held: HeldLane, carry: boolean): void {
    const { lane, execution } = held;
    const { patienceMs, settled, onEnded, logger } = this.#options;
    const end = () => {
      clearTimeout(deaf);
      if (remainder.ended) return;
      remainder.ended = true;
      onEnded();
    };
    const remainder: Remainder = { held, carry, drained: false, ended: false, end };
    this.#lanes.set(lane, remainder);
    const endSettled = async () => {
      if (remainder.carry) await settled(lane);
      end();
    };
    const deaf = setTimeout(() => {
      logger.error({ lane, patienceMs }, "handlers do not heed their signal; they are left behind");
      // What they still bring must not come beside what the lane goes on with.
      held.abandon(new ShardcastError("SHARDCAST_FENCED", "the lane goes on without what still runs"));
      void endSettled();
    }, patienceMs).unref();
    void execution.drain().then(() => {
      remainder.drained = true;
      return endSettled();
    });
  }

  running(lane: number): boolean {
    return this.#lanes.get(lane)?.ended === false;
  }

  get allEnded(): boolean {
    return [...this.#lanes.values()].every(({ ended }) => ended);
  }

  /** What a lane that is taken again goes on with; undefined where that is for the log to say. */
  take(lane: number): LaneProgress | undefined {
    const remainder = this.#lanes.get(lane);
    this.#lanes.delete(lane);
    return remainder?.carry === true ? remainder.held.snapshot() : undefined;
  }

  /** Others may have the lanes: nothing of them is recorded any more (C2, C4). */
  abandon(reason: ShardcastError): void {
    for (const remainder of this.#lanes.values()) {
      remainder.carry = false;
      remainder.held.abandon(reason);
      // Not by the commit it waits for: that is cleared up by the next session only.
      if (remainder.drained) remainder.end();
    }
  }

  clear(): void {
    this.#lanes.clear();
  }
}
