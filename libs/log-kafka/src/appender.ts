import type { AppendRecord } from "@shardcast/log";
import type { ShardcastError } from "@shardcast/protocol";
import type { Producer } from "kafkajs";
import { bounded } from "./bounded.ts";
import { classify, type Fault, toShardcastError } from "./classify.ts";
import type { ClientSlot } from "./client-slot.ts";
import { AdaptiveLinger } from "./linger.ts";
import { toTopicMessages } from "./messages.ts";
import { addressOf, countFitting } from "./request-size.ts";

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
  readonly producers: Pick<ClientSlot<Producer>, "get" | "discard">;
  /** Bounds one send with all its attempts. */
  readonly sendTimeoutMs: number;
  /** Largest batch of one partition; the broker bounds batches, not records. */
  readonly maxBatchBytes: number;
  /** Told of each failure. */
  readonly onFailure: (fault: Fault) => void;
  /** Told of each entry that ended, either way. */
  readonly onSettled: (entry: Entry) => void;
}

/** Faults of a record or topic: the broker, or kafkajs before it, has said no, and the others of the batch may go on. */
const SPOILT: ReadonlySet<Fault> = new Set(["too-large", "refused", "unknown-topic", "bug"]);

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

  /** As many of the oldest entries as fit. */
  #takeBatch(): Entry[] {
    const count = countFitting(this.#queue, this.#options.maxBatchBytes);
    if (count === this.#queue.length) {
      const all = this.#queue;
      this.#queue = [];
      return all;
    }
    return this.#queue.splice(0, count);
  }

  /**
   * A batch that one record or topic spoils goes again in parts, so that only the culprit fails. With the same producer:
   * what the broker took in spite of its refusal it knows again by the sequence numbers, and does not write twice.
   */
  async #sendBatch(batch: readonly Entry[]): Promise<void> {
    let parts: (readonly Entry[])[] = [batch];
    let producer: Producer | undefined;
    let failed = false;
    const fail = (error: unknown, entries: readonly Entry[]) => {
      failed = true;
      this.#options.onFailure(classify(error));
      const failure = toShardcastError(error, "append");
      for (const entry of entries) this.#reject(entry, failure);
    };
    try {
      producer = await this.#options.producers.get();
      for (let [part, ...rest] = parts; part !== undefined; [part, ...rest] = parts) {
        try {
          const unanswered = await this.#sendPart(producer, part);
          parts = unanswered.length > 0 ? [unanswered, ...rest] : rest;
          if (unanswered.length > 0) throw new Error("not confirmed by the broker");
        } catch (error) {
          const fault = classify(error);
          // Of unknown outcome: the producer's sequence numbers are of no use for the rest either (C3).
          if (!SPOILT.has(fault)) throw error;
          const smaller = split(part, fault);
          parts = [...smaller, ...rest];
          if (smaller.length === 0) fail(error, part);
        }
      }
    } catch (error) {
      fail(error, parts.flat());
    }
    if (failed && producer !== undefined) this.#options.producers.discard(producer);
  }

  /** Confirms what the broker answered for and returns the rest. */
  async #sendPart(producer: Producer, part: readonly Entry[]): Promise<Entry[]> {
    const topicMessages = toTopicMessages(part.map(({ record }) => record));
    const sending = producer.sendBatch({ acks: -1, topicMessages });
    const answers = await bounded(sending, this.#options.sendTimeoutMs, "append");
    const waiting = Map.groupBy(part, addressOfEntry);
    for (const { topicName, partition, baseOffset, errorCode } of answers) {
      const address = `${topicName}/${partition}`;
      const entries = waiting.get(address);
      if (entries === undefined || errorCode !== 0 || baseOffset === undefined) continue;
      waiting.delete(address);
      const base = Number(baseOffset);
      for (const [i, entry] of entries.entries()) {
        this.#options.onSettled(entry);
        entry.resolve({ offset: base + i });
      }
    }
    return [...waiting.values()].flat();
  }

  #reject(entry: Entry, error: unknown): void {
    this.#options.onSettled(entry);
    entry.reject(error);
  }
}

/** Parts of a spoilt batch, none of which is spoilt by what is in another; none when it is at fault as a whole. */
function split(part: readonly Entry[], fault: Fault): Entry[][] {
  const topics = Map.groupBy(part, ({ record }) => record.topic);
  if (topics.size > 1) return [...topics.values()];
  if (fault === "unknown-topic") return [];
  const partitions = Map.groupBy(part, addressOfEntry);
  if (partitions.size > 1) return [...partitions.values()];
  return part.length > 1 ? part.map((entry) => [entry]) : [];
}

function addressOfEntry({ record }: Entry): string {
  return addressOf(record);
}
