import type { AppendRecord } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { Message, Producer, RecordMetadata } from "kafkajs";
import { bounded } from "./bounded.ts";
import { classify, toShardcastError } from "./classify.ts";
import type { ClientSlot } from "./client-slot.ts";
import { AdaptiveLinger } from "./linger.ts";

export interface Entry {
  readonly record: AppendRecord;
  readonly bytes: number;
  readonly resolve: (receipt: { readonly offset: number }) => void;
  readonly reject: (error: unknown) => void;
}

export interface AppenderOptions {
  /**
   * The idempotent producer. Replaced after every failure: kafkajs gives a failed batch's sequence numbers to the next
   * one. Had the broker written the failed batch although its answer was lost, it would take the next one for a
   * repetition and drop it while confirming it: an accepted request would be lost (C3).
   */
  readonly producers: ClientSlot<Producer>;
  /** Bounds one send with all its attempts. */
  readonly sendTimeoutMs: number;
  /** Largest batch of one partition; the broker bounds batches, not records. */
  readonly maxBatchBytes: number;
  /** Told of each failure that looks as if the log were away. */
  readonly onUnavailable: () => void;
  /** Told of each entry that ended, either way. */
  readonly onSettled: (entry: Entry) => void;
}

/** Bytes of one request to a broker, over all partitions. */
const MAX_REQUEST_BYTES = 16_000_000;

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "lingering"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "sending" };

/**
 * Sends the records of one broker's partitions, one request at a time: what comes meanwhile goes together in the next
 * one. One at a time is also what keeps the order, since kafkajs lets a later request overtake one that it retries.
 */
export class Appender {
  readonly #options: AppenderOptions;
  readonly #linger = new AdaptiveLinger();
  #queue: Entry[] = [];
  #state: State = { kind: "idle" };
  #idle: (() => void)[] = [];

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  add(entry: Entry): void {
    this.#queue.push(entry);
    this.#linger.arrived(performance.now());
    if (this.#state.kind === "idle") this.#schedule();
  }

  /** Fails what has not been sent yet: none of it is on the log. */
  rejectQueued(error: ShardcastError): void {
    const queued = this.#queue;
    this.#queue = [];
    for (const entry of queued) this.#reject(entry, error);
  }

  /** Resolves when nothing is queued or in the air. */
  drained(): Promise<void> {
    if (this.#state.kind === "idle") return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    const lingerMs = this.#linger.lingerMs();
    if (lingerMs > 0) {
      this.#state = { kind: "lingering", timer: setTimeout(() => void this.#send(), lingerMs) };
    } else {
      this.#state = { kind: "sending" };
      // A turn of the event loop: callers woken by the same packet go together, and it costs a lone one nothing.
      setImmediate(() => void this.#send());
    }
  }

  async #send(): Promise<void> {
    this.#state = { kind: "sending" };
    const batch = this.#takeBatch();
    if (batch.length > 0) await this.#sendBatch(batch);
    if (this.#queue.length > 0) {
      this.#schedule();
      return;
    }
    this.#state = { kind: "idle" };
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** As many of the oldest entries as fit; stopping at the first that does not keeps each partition's order. */
  #takeBatch(): Entry[] {
    const perPartition = new Map<string, number>();
    let total = 0;
    let count = 0;
    for (const { record, bytes } of this.#queue) {
      const at = `${record.topic}/${record.partition}`;
      const sum = (perPartition.get(at) ?? 0) + bytes;
      const first = !perPartition.has(at);
      if ((!first && sum > this.#options.maxBatchBytes) || (count > 0 && total + bytes > MAX_REQUEST_BYTES))
        break;
      perPartition.set(at, sum);
      total += bytes;
      count++;
    }
    if (count === this.#queue.length) {
      const all = this.#queue;
      this.#queue = [];
      return all;
    }
    return this.#queue.splice(0, count);
  }

  async #sendBatch(batch: readonly Entry[]): Promise<void> {
    const grouped = groupByPartition(batch);
    try {
      const producer = await this.#options.producers.get();
      const sending = producer.sendBatch({ acks: -1, topicMessages: toTopicMessages(grouped) });
      const answers = await bounded(sending, this.#options.sendTimeoutMs, "append");
      this.#confirm(grouped, answers);
    } catch (error) {
      this.#options.producers.discard();
      const fault = classify(error);
      if (batch.length > 1 && (fault === "too-large" || fault === "refused" || fault === "unknown-topic")) {
        // One record spoils the request: send each alone, so that only the culprit fails.
        for (const entry of batch) await this.#sendBatch([entry]);
        return;
      }
      if (fault === "unavailable" || fault === "moving") this.#options.onUnavailable();
      const failure = toShardcastError(error, "append");
      for (const entry of batch) this.#reject(entry, failure);
    }
  }

  #confirm(grouped: Grouped, answers: readonly RecordMetadata[]): void {
    for (const { topicName, partition, baseOffset, errorCode } of answers) {
      const entries = grouped.get(topicName)?.get(partition);
      if (entries === undefined || errorCode !== 0 || baseOffset === undefined) continue;
      grouped.get(topicName)?.delete(partition);
      const base = Number(baseOffset);
      for (const [i, entry] of entries.entries()) {
        this.#options.onSettled(entry);
        entry.resolve({ offset: base + i });
      }
    }
    // What the broker did not answer for is not confirmed.
    for (const partitions of grouped.values()) {
      for (const entries of partitions.values()) {
        for (const entry of entries) {
          this.#reject(
            entry,
            new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "append: not confirmed by the broker"),
          );
        }
      }
    }
  }

  #reject(entry: Entry, error: unknown): void {
    this.#options.onSettled(entry);
    entry.reject(error);
  }
}

type Grouped = Map<string, Map<number, Entry[]>>;

function groupByPartition(batch: readonly Entry[]): Grouped {
  const topics: Grouped = new Map();
  for (const entry of batch) {
    const { topic, partition } = entry.record;
    const partitions = topics.get(topic) ?? new Map<number, Entry[]>();
    topics.set(topic, partitions);
    const entries = partitions.get(partition);
    if (entries === undefined) partitions.set(partition, [entry]);
    else entries.push(entry);
  }
  return topics;
}

function toTopicMessages(grouped: Grouped): { topic: string; messages: Message[] }[] {
  return [...grouped].map(([topic, partitions]) => ({
    topic,
    messages: [...partitions.values()].flatMap((entries) => entries.map(({ record }) => toMessage(record))),
  }));
}

function toMessage({ key, value, headers, partition }: AppendRecord): Message {
  return { key, value, partition, headers: headers as NonNullable<Message["headers"]> };
}
