import type { Log, LogReader, LogRecord } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import { Patience } from "./patience.ts";

/** Looks at a record; false when it wants no more, this one included. */
export type Take = (record: LogRecord) => boolean;

interface Scan {
  readonly lane: number;
  readonly to: number;
  readonly take: Take;
  readonly stop: () => void;
  readonly patience: Patience;
  /** Set when it has had enough: the record it did not take. */
  stoppedAt?: number;
}

/** All lanes are paused between scans, and kafkajs then looks this often for what is resumed. */
const MAX_WAIT_MS = 50;
/** Scans that wait for their turn; over it 503 (C7). */
const MAX_WAITING = 32;

/** Reads parts of single lanes again, one at a time over one reader, and keeps nothing. */
export class Scanner {
  readonly #log: Log;
  readonly #topic: string;
  #reader: Promise<LogReader> | undefined;
  #scan: Scan | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(log: Log, topic: string) {
    this.#log = log;
    this.#topic = topic;
  }

  /**
   * Hands over the records of a lane between two offsets until `take` has enough. Resolves to where to go on: `to`, or
   * the record that was not taken.
   *
   * @throws {ShardcastError} SHARDCAST_OVERLOADED, SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  async scan(lane: number, from: number, to: number, take: Take): Promise<number> {
    if (this.#waiting >= MAX_WAITING) {
      throw new ShardcastError("SHARDCAST_OVERLOADED", "too many read the dead letters at once");
    }
    this.#waiting++;
    const done = this.#turn.then(() => this.#run(lane, from, to, take));
    this.#turn = done.catch(() => {});
    try {
      return await done;
    } finally {
      this.#waiting--;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#drop();
  }

  async #run(lane: number, from: number, to: number, take: Take): Promise<number> {
    if (this.#closed) throw new ShardcastError("SHARDCAST_CLOSED", "the dead letters are closed");
    const enough = Promise.withResolvers<void>();
    const patience = new Patience(this.#topic);
    const scan: Scan = { lane, to, take, stop: enough.resolve, patience };
    try {
      const reader = await Promise.race([this.#open(), patience.over]);
      this.#scan = scan;
      await reader.start(this.#topic, lane, from);
      const reached = reader.reached(this.#topic, lane, to);
      reached.catch(() => {}); // told by the race, or nobody waits any more
      await Promise.race([enough.promise, reached, patience.over]);
      reader.pause(this.#topic, lane);
      if (scan.stoppedAt === undefined) return to;
      // Moved to the end, so that nothing waits there for ever (C7).
      const moved = reader.start(this.#topic, lane, to);
      reader.pause(this.#topic, lane);
      await moved;
      return scan.stoppedAt;
    } catch (error) {
      this.#drop().catch(() => {}); // not waited for: what does not answer may not leave either
      throw error;
    } finally {
      patience.end();
      this.#scan = undefined;
    }
  }

  #onRecords(records: readonly LogRecord[]): void {
    const scan = this.#scan;
    for (const record of records) {
      if (scan === undefined || scan.stoppedAt !== undefined) return;
      if (record.partition !== scan.lane || record.offset >= scan.to) return;
      scan.patience.refresh();
      if (scan.take(record)) continue;
      scan.stoppedAt = record.offset;
      scan.stop();
    }
  }

  #open(): Promise<LogReader> {
    this.#reader ??= this.#log.openReader({
      topics: [this.#topic],
      maxWaitMs: MAX_WAIT_MS,
      onRecords: (records) => this.#onRecords(records),
    });
    return this.#reader;
  }

  /** The next scan opens another. */
  async #drop(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.then(
      (opened) => opened.close(),
      () => {},
    );
  }
}
