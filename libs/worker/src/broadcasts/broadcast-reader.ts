import type { Log, LogReader, OffsetRange } from "@shardcast/log";
import type { Reception } from "./reception.ts";

/** How long an idle reader lets a request wait at the log; a broadcast is told at once all the same. */
const MAX_WAIT_MS = 1_000;

/** Reads `S.broadcast` for a member: opened early, since that may take seconds, and started when it is known where. */
export class BroadcastReader {
  readonly #log: Log;
  readonly #topic: string;
  readonly #reader: LogReader;
  #reception: Reception | undefined;

  /** @throws what the log throws */
  static async open(log: Log, topic: string): Promise<BroadcastReader> {
    let opened: BroadcastReader | undefined;
    const reader = await log.openReader({
      topics: [topic],
      isolation: "uncommitted",
      maxWaitMs: MAX_WAIT_MS,
      onRecords: (records) => {
        if (opened !== undefined) opened.#reception?.accept(records);
      },
    });
    opened = new BroadcastReader(log, topic, reader);
    return opened;
  }

  private constructor(log: Log, topic: string, reader: LogReader) {
    this.#log = log;
    this.#topic = topic;
    this.#reader = reader;
  }

  /** What there is now. @throws what the log throws */
  async range(): Promise<OffsetRange> {
    const [range] = await this.#log.rangesOf(this.#topic);
    return range as OffsetRange;
  }

  /** Begins at an offset; the reception begins to act when everything below `high` was read. @throws what the log throws */
  async start(reception: Reception, from: number, high: number): Promise<void> {
    this.#reception = reception;
    await this.#reader.start(this.#topic, 0, from);
    this.#reader.reached(this.#topic, 0, high).then(
      () => reception.begin(),
      () => {}, // closed
    );
  }

  pause(): void {
    this.#reader.pause(this.#topic, 0);
  }

  resume(): void {
    this.#reader.resume(this.#topic, 0);
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}
