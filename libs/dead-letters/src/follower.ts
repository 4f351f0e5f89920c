import type { Log, LogReader, LogRecord, OffsetRange } from "@shardcast/log";
import { decodeRedriven, ParkedKeys, ShardcastError } from "@shardcast/protocol";
import { Patience } from "./patience.ts";
import { SettledOffsets } from "./settled.ts";

/** How long an idle follower lets a request wait at the log; what is new is told at once all the same. */
const MAX_WAIT_MS = 1_000;

/** Knows which letters are settled, by following the markers among them; of the letters nothing is kept. */
export class Follower {
  readonly #log: Log;
  readonly #topic: string;
  readonly #reader: LogReader;
  /** By lane. */
  readonly #settled: readonly SettledOffsets[];
  /** By lane. */
  readonly #parked: readonly ParkedKeys[];
  /** Of those who wait for {@link sync}. */
  readonly #waiting: Set<Patience>;
  readonly #news: Set<() => void>;

  private constructor(
    log: Log,
    topic: string,
    reader: LogReader,
    settled: readonly SettledOffsets[],
    parked: readonly ParkedKeys[],
    waiting: Set<Patience>,
    news: Set<() => void>,
  ) {
    this.#log = log;
    this.#topic = topic;
    this.#reader = reader;
    this.#settled = settled;
    this.#parked = parked;
    this.#waiting = waiting;
    this.#news = news;
  }

  /** Resolves when everything was read that was on the log when it was called. */
  static async open(log: Log, topic: string, lanes: number): Promise<Follower> {
    const settled = Array.from({ length: lanes }, () => new SettledOffsets());
    const parked = settled.map(() => new ParkedKeys());
    const waiting = new Set<Patience>();
    const news = new Set<() => void>();
    const reader = await log.openReader({
      topics: [topic],
      maxWaitMs: MAX_WAIT_MS,
      start: settled.map((_, partition) => ({ topic, partition, from: "earliest" as const })),
      onRecords: (records) => {
        for (const record of records) {
          learn(settled[record.partition], record);
          parked[record.partition]?.learn(record);
        }
        for (const patience of waiting) patience.refresh();
        for (const tell of [...news]) tell();
      },
    });
    const follower = new Follower(log, topic, reader, settled, parked, waiting, news);
    try {
      await follower.sync();
    } catch (error) {
      await follower.close();
      throw error;
    }
    return follower;
  }

  lane(lane: number): SettledOffsets {
    return this.#settled[lane] as SettledOffsets;
  }

  /** Which keys of a lane are parked. */
  parked(lane: number): ParkedKeys {
    return this.#parked[lane] as ParkedKeys;
  }

  /** Resolves with the next records that are read; at the latest after so long, or when the signal fires. */
  async news(withinMs: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => resolve();
    const timer = setTimeout(end, withinMs);
    this.#news.add(end);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
    await promise;
    clearTimeout(timer);
    this.#news.delete(end);
    signal?.removeEventListener("abort", end);
  }

  /**
   * What the lanes hold now, by lane. Forgets what retention has removed.
   *
   * @throws as `Log.rangesOf`
   */
  async ranges(): Promise<readonly OffsetRange[]> {
    const ranges = await this.#log.rangesOf(this.#topic);
    for (const [lane, settled] of this.#settled.entries()) settled.dropBelow(ranges[lane]?.low ?? 0);
    return ranges;
  }

  /**
   * Resolves to {@link ranges} when every marker below their ends is known.
   *
   * @throws as {@link ranges}, SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_TOPIC_MISMATCH, SHARDCAST_CLOSED
   */
  async sync(): Promise<readonly OffsetRange[]> {
    const ranges = await this.ranges();
    if (ranges.length !== this.#settled.length) {
      const detail = `${this.#topic} has ${ranges.length} partitions, not ${this.#settled.length}`;
      throw new ShardcastError("SHARDCAST_TOPIC_MISMATCH", detail);
    }
    const patience = new Patience(this.#topic);
    this.#waiting.add(patience);
    try {
      const reached = ranges.map(({ high }, lane) => this.#reader.reached(this.#topic, lane, high));
      await Promise.race([Promise.all(reached), patience.over]);
    } finally {
      this.#waiting.delete(patience);
      patience.end();
    }
    return ranges;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

function learn(settled: SettledOffsets | undefined, record: LogRecord): void {
  const marker = decodeRedriven(record);
  if (marker === undefined || settled === undefined) return;
  // A marker speaks of what lies before it; whatever it says of later letters, nobody can have known.
  for (const { from, to } of marker.letters) {
    if (from < record.offset) settled.add({ from, to: Math.min(to, record.offset) });
  }
  settled.dropBelow(Math.min(marker.low, record.offset));
}
