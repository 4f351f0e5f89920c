import type { LogReader, LogRecord, OffsetRange, ReaderOptions, StartFrom } from "@shardcast/log";
import { Milestones } from "@shardcast/log/driver";
import { ShardcastError } from "@shardcast/protocol";
import type { Batch, Consumer, KafkaMessage } from "kafkajs";
import type { Logger } from "pino";
import { toShardcastError } from "./classify.ts";
import { ConsumerLoop, type EmptyBatch, type TopicPartitions } from "./consumer-loop.ts";
import type { OpenLink } from "./link.ts";
import { judge, type Position } from "./position.ts";

export interface KafkaReaderDeps {
  readonly openLink: OpenLink;
  readonly sessionTimeoutMs: number;
  readonly logger: Logger;
  readonly offsetsOf: (topic: string, partition: number) => Promise<OffsetRange>;
  readonly onUnavailable: () => void;
  readonly onClosed: (reader: LogReader) => void;
}

const MAX_WAIT_MS = 100;

/** Reads the partitions that were started, each from a position that is kept here and not in kafkajs. */
export class KafkaReader implements LogReader {
  readonly #deps: KafkaReaderDeps;
  readonly #options: ReaderOptions;
  readonly #loop: ConsumerLoop;
  readonly #positions = new Map<string, Position>();
  /** Starts that wait for the broker's answer; of one partition only the last one counts. */
  readonly #starting = new Map<string, { paused: boolean }>();
  readonly #milestones = new Milestones();
  /** Partitions whose missing records are being looked for. */
  readonly #gaps = new Set<string>();
  #closed = false;

  private constructor(deps: KafkaReaderDeps, options: ReaderOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#loop = new ConsumerLoop({
      ...deps,
      topics: options.topics,
      isolation: options.isolation ?? "committed",
      maxWaitMs: options.maxWaitMs ?? MAX_WAIT_MS,
      onJoin: (consumer, assigned) => this.#onJoin(consumer, assigned),
      onBatch: (consumer, batch) => this.#onBatch(consumer, batch),
      onEmptyBatch: (batch) => this.#onEmptyBatch(batch),
    });
  }

  /** Resolves when the consumer has joined its group. */
  static async open(deps: KafkaReaderDeps, options: ReaderOptions): Promise<KafkaReader> {
    const reader = new KafkaReader(deps, options);
    const start = options.start ?? [];
    for (const { topic } of start) reader.#assertReads(topic);
    try {
      // Known before the join, which applies them before the first fetch.
      await Promise.all(start.map(({ topic, partition, from }) => reader.start(topic, partition, from)));
      await reader.#loop.start();
    } catch (error) {
      await reader.close();
      throw toShardcastError(error, `reading ${options.topics.join(", ")}`);
    }
    return reader;
  }

  async start(topic: string, partition: number, from: StartFrom): Promise<number> {
    this.#assertReads(topic);
    const key = keyOf(topic, partition);
    const starting = { paused: false };
    // The run before ends here: its records, taken for those of the new one, would make it skip what lies before them.
    this.#setPaused(topic, partition, true);
    this.#positions.delete(key);
    this.#starting.set(key, starting);
    try {
      const { low, high } = await this.#deps.offsetsOf(topic, partition);
      if (this.#closed) throw closed();
      const wanted = from === "earliest" ? low : from === "latest" ? high : from;
      if (wanted < low)
        this.#deps.logger.warn({ topic, partition, wanted, low }, "retention removed unread records");
      const next = Math.max(wanted, low);
      if (this.#starting.get(key) !== starting) return next; // another call has come after this one
      const position: Position = { topic, partition, next, paused: starting.paused };
      this.#positions.set(key, position);
      apply(this.#loop.joined, position);
      this.#moved(position);
      return next;
    } finally {
      if (this.#starting.get(key) === starting) this.#starting.delete(key);
    }
  }

  pause(topic: string, partition: number): void {
    this.#setPaused(topic, partition, true);
  }

  resume(topic: string, partition: number): void {
    this.#setPaused(topic, partition, false);
  }

  async reached(topic: string, partition: number, offset: number): Promise<void> {
    if (this.#closed) throw closed();
    const key = keyOf(topic, partition);
    const position = this.#positions.get(key);
    if (position === undefined) throw new RangeError(`${key} is not started`);
    if (position.next < offset) await this.#milestones.wait(key, offset);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#deps.onClosed(this);
    this.#positions.clear();
    this.#milestones.close(closed());
    await this.#loop.close();
  }

  #assertReads(topic: string): void {
    if (!this.#options.topics.includes(topic)) throw new RangeError(`this reader does not read ${topic}`);
  }

  #setPaused(topic: string, partition: number, paused: boolean): void {
    const starting = this.#starting.get(keyOf(topic, partition));
    if (starting !== undefined) starting.paused = paused;
    const position = this.#positions.get(keyOf(topic, partition));
    if (position === undefined || position.paused === paused) return;
    position.paused = paused;
    apply(this.#loop.joined, position);
  }

  /** Runs within the join, before the first fetch: nothing can be read from a wrong place in between. */
  #onJoin(consumer: Consumer, assigned: readonly TopicPartitions[]): void {
    // By partition, never by topic: kafkajs forgets a topic-wide pause at the first pause of a single partition.
    consumer.pause([...assigned]);
    for (const position of this.#positions.values()) apply(consumer, position);
  }

  #onBatch(consumer: Consumer, batch: Batch): void {
    const { topic, partition } = batch;
    const position = this.#positions.get(keyOf(topic, partition));
    if (position === undefined) return;
    // Not in kafkajs's types: the offset the fetch asked for.
    const fetchedFrom = Number((batch as Batch & { fetchedOffset: string }).fetchedOffset);
    switch (judge(position, fetchedFrom)) {
      case "reread":
        consumer.seek({ topic, partition, offset: String(position.next) });
        return;
      case "gap":
        void this.#closeGap(position, fetchedFrom);
        return;
      case "deliver": {
        const records: LogRecord[] = [];
        for (const message of batch.messages) {
          const offset = Number(message.offset);
          if (offset >= position.next) records.push(toLogRecord(topic, partition, offset, message));
        }
        position.next = Math.max(position.next, Number(batch.lastOffset()) + 1);
        if (records.length > 0) this.#deliver(records);
        this.#moved(position);
      }
    }
  }

  /** Without this, the next batch would look as if records were missing before it. */
  #onEmptyBatch({ topic, partition, firstOffset, lastOffset }: EmptyBatch): void {
    const position = this.#positions.get(keyOf(topic, partition));
    if (position === undefined || position.paused || firstOffset > position.next) return;
    position.next = Math.max(position.next, lastOffset + 1);
    this.#moved(position);
  }

  /** Everything below the position was delivered. */
  #moved({ topic, partition, next }: Position): void {
    this.#milestones.passed(keyOf(topic, partition), next);
  }

  #deliver(records: readonly LogRecord[]): void {
    try {
      this.#options.onRecords(records);
    } catch (error) {
      this.#deps.logger.error({ err: error }, "onRecords threw; it must not");
    }
  }

  /** Goes back to the position, or, where retention has removed it, on to the earliest record there is. */
  async #closeGap(position: Position, fetchedFrom: number): Promise<void> {
    const { topic, partition } = position;
    const key = keyOf(topic, partition);
    if (this.#gaps.has(key)) return;
    this.#gaps.add(key);
    try {
      const { low } = await this.#deps.offsetsOf(topic, partition);
      if (low > position.next) {
        const { logger } = this.#deps;
        logger.error({ topic, partition, expected: position.next, low }, "retention removed unread records");
        position.next = low;
        this.#moved(position);
      }
    } catch (error) {
      this.#deps.logger.debug(
        { err: error, topic, partition, fetchedFrom },
        "could not look for missing records",
      );
    } finally {
      this.#gaps.delete(key);
      // Not if it was started again meanwhile: that one has a position of its own.
      if (this.#positions.get(key) === position) apply(this.#loop.joined, position);
    }
  }
}

/** Tells kafkajs what the position says; without a consumer the next join does. */
function apply(consumer: Consumer | undefined, { topic, partition, next, paused }: Position): void {
  if (consumer === undefined) return;
  if (paused) {
    consumer.pause([{ topic, partitions: [partition] }]);
  } else {
    consumer.seek({ topic, partition, offset: String(next) });
    consumer.resume([{ topic, partitions: [partition] }]);
  }
}

function closed(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the reader is closed");
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function toLogRecord(topic: string, partition: number, offset: number, message: KafkaMessage): LogRecord {
  return {
    topic,
    partition,
    offset,
    timestampMs: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: message.headers ?? {},
  };
}
