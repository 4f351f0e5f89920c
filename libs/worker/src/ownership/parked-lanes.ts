import type { Log, LogReader } from "@shardcast/log";
import { ParkedKeys, ShardcastError } from "@shardcast/protocol";

/** How long an idle follower lets a request wait at the log; news are told at once all the same. */
const MAX_WAIT_MS = 1_000;

/**
 * Which keys are parked, of all lanes all the time, so that a take-over has to read the last moments only. Of the letters
 * themselves nothing is kept.
 */
export class ParkedLanes {
  readonly #log: Log;
  readonly #topic: string;
  readonly #reader: LogReader;
  readonly #lanes: readonly ParkedKeys[];

  /** Resolves when it has begun to read. Rejects as the log does. */
  static async open(log: Log, topic: string, lanes: number): Promise<ParkedLanes> {
    const parked = Array.from({ length: lanes }, () => new ParkedKeys());
    const reader = await log.openReader({
      topics: [topic],
      maxWaitMs: MAX_WAIT_MS,
      start: parked.map((_, partition) => ({ topic, partition, from: "earliest" as const })),
      onRecords: (records) => {
        for (const record of records) parked[record.partition]?.learn(record);
      },
    });
    return new ParkedLanes(log, topic, reader, parked);
  }

  private constructor(log: Log, topic: string, reader: LogReader, lanes: readonly ParkedKeys[]) {
    this.#log = log;
    this.#topic = topic;
    this.#reader = reader;
    this.#lanes = lanes;
  }

  of(lane: number): ParkedKeys {
    return this.#lanes[lane] as ParkedKeys;
  }

  /** Resolves when everything of a lane is known that is on the log now. Rejects as the log does. */
  async caughtUp(lane: number): Promise<void> {
    const high = (await this.#log.rangesOf(this.#topic))[lane]?.high;
    if (high === undefined) {
      throw new ShardcastError("SHARDCAST_TOPIC_MISMATCH", `${this.#topic} has no lane ${lane}`);
    }
    await this.#reader.reached(this.#topic, lane, high);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
