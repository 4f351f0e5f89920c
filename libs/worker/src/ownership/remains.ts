import type { LaneProgress } from "@shardcast/log";
import type { ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { HeldLane } from "./held-lane.ts";

interface Remainder {
  readonly held: HeldLane;
  readonly carry: boolean;
  ended: boolean;
}

export interface RemainsOptions {
  /** How long handlers that were told to stop are waited for. */
  readonly patienceMs: number;
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
    const { patienceMs, onEnded, logger } = this.#options;
    const remainder: Remainder = { held, carry, ended: false };
    this.#lanes.set(lane, remainder);
    const end = () => {
      clearTimeout(deaf);
      if (remainder.ended) return;
      remainder.ended = true;
      onEnded();
    };
    const deaf = setTimeout(() => {
      logger.error({ lane, patienceMs }, "handlers do not heed their signal; they are left behind");
      end();
    }, patienceMs).unref();
    void execution.drain().then(end);
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
    for (const { held } of this.#lanes.values()) held.abandon(reason);
  }

  clear(): void {
    this.#lanes.clear();
  }
}
