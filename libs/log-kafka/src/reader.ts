import { randomUUID } from "node:crypto";
import type { LogReader, LogRecord, ReaderOptions } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { Batch, Consumer, Kafka, KafkaMessage } from "kafkajs";
import type { Logger } from "pino";
import { assignAll } from "./assign-all.ts";
import { toShardcastError } from "./classify.ts";
import { RETRY } from "./kafkajs.ts";
import type { OffsetRange } from "./offsets.ts";
import { judge, type Position } from "./position.ts";

export interface KafkaReaderDeps {
  readonly kafka: Kafka;
  readonly logger: Logger;
  readonly offsetsOf: (topic: string, partition: number) => Promise<OffsetRange>;
  readonly onUnavailable: () => void;
}

/**
 * Longest wait of a fetch for its first byte. Also how long a partition that is started or resumed may wait for its
 * first fetch, since kafkajs sleeps that long when everything is paused.
 */
const MAX_WAIT_MS = 100;
const MAX_BYTES_PER_PARTITION = 1_048_576;
/** A group of one: its session only has to outlive a stall, nobody takes over when it ends. */
const SESSION_TIMEOUT_MS = 30_000;
/** Bounds the first join, whose `group.initial.rebalance.delay.ms` is 3 s by default. */
const JOIN_TIMEOUT_MS = 30_000;
const RESTART_MS = 1_000;

type State =
  | { readonly kind: "joining"; readonly consumer: Consumer }
  | { readonly kind: "joined"; readonly consumer: Consumer }
  | { readonly kind: "restarting"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "closed" };

/** One kafkajs consumer in a group of its own that has all partitions and reads those that were started. */
export class KafkaReader implements LogReader {
  readonly #deps: KafkaReaderDeps;
  readonly #options: ReaderOptions;
  readonly #positions = new Map<string, Position>();
  /** Partitions whose missing records are being looked for. */
  readonly #gaps = new Set<string>();
  /** All partitions of our topics, as of the last join: what is not in `#positions` has to be paused by name. */
  #assigned: { topic: string; partitions: number[] }[] = [];
  #state: State;

  private constructor(deps: KafkaReaderDeps, options: ReaderOptions, consumer: Consumer) {
    this.#deps = deps;
    this.#options = options;
    this.#state = { kind: "joining", consumer };
  }

  /** Resolves when the consumer has joined its group. */
  static async open(deps: KafkaReaderDeps, options: ReaderOptions): Promise<KafkaReader> {
    const consumer = createConsumer(deps.kafka);
    const reader = new KafkaReader(deps, options, consumer);
    try {
      await reader.#run(consumer);
    } catch (error) {
      await reader.close();
      throw toShardcastError(error, `reading ${options.topics.join(", ")}`);
    }
    return reader;
  }

  async start(topic: string, partition: number, from: number | "earliest" | "latest"): Promise<number> {
    if (!this.#options.topics.includes(topic)) throw new RangeError(`this reader does not read ${topic}`);
    const { low, high } = await this.#deps.offsetsOf(topic, partition);
    if (this.#state.kind === "closed") throw new ShardcastError("SHARDCAST_CLOSED", "the reader is closed");
    const wanted = from === "earliest" ? low : from === "latest" ? high : from;
    if (wanted < low)
      this.#deps.logger.warn({ topic, partition, wanted, low }, "retention removed unread records");
    const position: Position = { topic, partition, next: Math.max(wanted, low), paused: false };
    this.#positions.set(keyOf(topic, partition), position);
    this.#apply(position);
    return position.next;
  }

  pause(topic: string, partition: number): void {
    const position = this.#positions.get(keyOf(topic, partition));
    if (position === undefined || position.paused) return;
    position.paused = true;
    this.#apply(position);
  }

  resume(topic: string, partition: number): void {
    const position = this.#positions.get(keyOf(topic, partition));
    if (position === undefined || !position.paused) return;
    position.paused = false;
    this.#apply(position);
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: "closed" };
    this.#positions.clear();
    if (state.kind === "restarting") clearTimeout(state.timer);
    if (state.kind === "joining" || state.kind === "joined")
      await state.consumer.disconnect().catch(() => {});
  }

  /** Connects a consumer and resolves at its first join; kafkajs then joins and reconnects by itself. */
  async #run(consumer: Consumer): Promise<void> {
    const { topics } = this.#options;
    const joined = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no group within ${JOIN_TIMEOUT_MS} ms`)),
        JOIN_TIMEOUT_MS,
      );
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        clearTimeout(timer);
        this.#onJoin(consumer, payload.memberAssignment as Record<string, number[]>);
        resolve();
      });
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        this.#deps.onUnavailable();
        if (payload.restart) return; // kafkajs begins again by itself
        clearTimeout(timer);
        reject(payload.error);
        this.#restart(consumer);
      });
    });
    joined.catch(() => {});
    // A batch of control records only never reaches eachBatch; without this it would look like a gap later.
    consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => this.#skipControlRecords(payload));
    await consumer.connect();
    // From the beginning where kafkajs has no seek of ours: too early is dropped here, too late would be lost.
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => this.#onBatch(consumer, batch) });
    await joined;
  }

  /** Runs within the join, before the first fetch: nothing can be read from a wrong place in between. */
  #onJoin(consumer: Consumer, assignment: Record<string, number[]>): void {
    if (this.#state.kind === "closed") return;
    this.#state = { kind: "joined", consumer };
    this.#assigned = Object.entries(assignment).map(([topic, partitions]) => ({ topic, partitions }));
    // By partition, never by topic: kafkajs forgets a topic-wide pause at the first pause of a single partition.
    consumer.pause(this.#assigned);
    for (const position of this.#positions.values()) this.#apply(position);
  }

  /** Tells kafkajs what the position says; without a consumer the next join does. */
  #apply({ topic, partition, next, paused }: Position): void {
    if (this.#state.kind !== "joined") return;
    const { consumer } = this.#state;
    if (paused) {
      consumer.pause([{ topic, partitions: [partition] }]);
    } else {
      consumer.seek({ topic, partition, offset: String(next) });
      consumer.resume([{ topic, partitions: [partition] }]);
    }
  }

  #onBatch(consumer: Consumer, batch: Batch): void {
    const { topic, partition } = batch;
    const position = this.#positions.get(keyOf(topic, partition));
    // Not in kafkajs's types: the offset the fetch asked for.
    const fetchedFrom = Number((batch as Batch & { fetchedOffset: string }).fetchedOffset);
    const verdict = judge(position, fetchedFrom);
    if (position === undefined) return;
    if (verdict.kind === "reread") {
      consumer.seek({ topic, partition, offset: String(position.next) });
      return;
    }
    if (verdict.kind === "gap") {
      void this.#closeGap(position, fetchedFrom);
      return;
    }
    const records: LogRecord[] = [];
    for (const message of batch.messages) {
      const offset = Number(message.offset);
      if (offset >= position.next) records.push(toLogRecord(topic, partition, offset, message));
    }
    position.next = Math.max(position.next, Number(batch.lastOffset()) + 1);
    if (records.length > 0) this.#deliver(records);
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
      if (this.#positions.get(key) !== position) return;
      if (low > position.next) {
        this.#deps.logger.error(
          { topic, partition, expected: position.next, low },
          "retention removed unread records",
        );
        position.next = low;
      }
    } catch (error) {
      this.#deps.logger.debug(
        { err: error, topic, partition, fetchedFrom },
        "could not look for missing records",
      );
    } finally {
      this.#gaps.delete(key);
      this.#apply(position);
    }
  }

  #skipControlRecords(payload: {
    topic: string;
    partition: number;
    batchSize: number;
    firstOffset: string | null;
    lastOffset: string;
  }): void {
    if (payload.batchSize > 0 || payload.firstOffset === null) return;
    const position = this.#positions.get(keyOf(payload.topic, payload.partition));
    if (position === undefined || position.paused || Number(payload.firstOffset) > position.next) return;
    position.next = Math.max(position.next, Number(payload.lastOffset) + 1);
  }

  /** kafkajs gave up on an error that it takes for final; reading goes on with a new consumer all the same. */
  #restart(consumer: Consumer): void {
    if (this.#state.kind === "closed" || this.#state.kind === "restarting") return;
    consumer.disconnect().catch(() => {});
    const again = () => {
      const next = createConsumer(this.#deps.kafka);
      this.#state = { kind: "joining", consumer: next };
      this.#run(next).catch((error: unknown) => {
        this.#deps.logger.debug({ err: error }, "reader could not start again yet");
        if (this.#state.kind === "joining" && this.#state.consumer === next) this.#restart(next);
      });
    };
    this.#state = { kind: "restarting", timer: setTimeout(again, RESTART_MS * (0.5 + Math.random())) };
  }
}

function createConsumer(kafka: Kafka): Consumer {
  return kafka.consumer({
    groupId: `shardcast.reader.${randomUUID()}`,
    partitionAssigners: [assignAll],
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: MAX_WAIT_MS,
    maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
    sessionTimeout: SESSION_TIMEOUT_MS,
    retry: RETRY,
  });
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
