import type { Log, LogReader, LogRecord, OffsetRange } from "@shardcast/log";
import { decodeResult, type ResultEnvelope } from "@shardcast/protocol";
import type { Logger } from "pino";
import { RestoreProgress } from "./restore-progress.ts";

export interface FollowerOptions {
  readonly topic: string;
  readonly onResult: (result: ResultEnvelope) => void;
  /** Called after each batch. */
  readonly onBatch: () => void;
  readonly logger: Logger | undefined;
}

/** How long an idle follower lets a request wait at the log; news are told at once all the same. */
const MAX_WAIT_MS = 1_000;
/** Longer than any id, and the longest that the file takes. */
const MAX_KEY_BYTES = 1_024;

/** Reads all lanes of `S.results` from their beginnings, and goes on. */
export class Follower {
  readonly #log: Log;
  readonly #topic: string;
  readonly #reader: LogReader;
  readonly #lanes: number;
  #paused = false;
  /** A question that is not sent yet: lanes that are taken together ask together. */
  #asking: Promise<readonly OffsetRange[]> | undefined;
  /** Resolves when everything is read that was on the log when it was opened. */
  readonly restored: Promise<void>;

  /** Resolves when it has begun to read. Rejects as the log does. */
  static async open(log: Log, options: FollowerOptions): Promise<Follower> {
    const { topic } = options;
    const ranges = await log.rangesOf(topic);
    const restoring = new RestoreProgress(ranges, options.logger);
    const reader = await log.openReader({
      topics: [topic],
      maxWaitMs: MAX_WAIT_MS,
      start: ranges.map((_, partition) => ({ topic, partition, from: "earliest" as const })),
      onRecords: (records) => {
        for (const record of records) handOver(record, options);
        restoring.read(records);
        options.onBatch();
      },
    });
    return new Follower(log, topic, reader, ranges, restoring);
  }

  private constructor(
    log: Log,
    topic: string,
    reader: LogReader,
    ranges: readonly OffsetRange[],
    restoring: RestoreProgress,
  ) {
    this.#log = log;
    this.#topic = topic;
    this.#reader = reader;
    this.#lanes = ranges.length;
    const reached = ranges.map(({ high }, lane) => reader.reached(topic, lane, high));
    this.restored = Promise.all(reached).then(() => restoring.end());
    this.restored.catch(() => {}); // nobody has to wait for it
  }

  /** Resolves when everything of a lane is read that is on the log now. Rejects as the log does. */
  async caughtUp(lane: number): Promise<void> {
    this.#asking ??= Promise.resolve().then(() => {
      this.#asking = undefined;
      return this.#log.rangesOf(this.#topic);
    });
    const range = (await this.#asking)[lane];
    if (range === undefined) throw new RangeError(`${this.#topic} has no lane ${lane}`);
    await this.#reader.reached(this.#topic, lane, range.high);
  }

  /** Reads nothing until {@link resume}. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    for (let lane = 0; lane < this.#lanes; lane++) this.#reader.pause(this.#topic, lane);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    for (let lane = 0; lane < this.#lanes; lane++) this.#reader.resume(this.#topic, lane);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

function handOver(record: LogRecord, { onResult, logger }: FollowerOptions): void {
  const fits = record.key !== null && record.key.byteLength <= MAX_KEY_BYTES;
  const result = fits ? decodeResult(record) : undefined;
  if (result !== undefined) {
    onResult(result);
    return;
  }
  const { topic, partition, offset } = record;
  logger?.warn({ topic, partition, offset }, "not a result; passed over");
}
