import type { AppendRecord } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { Producer } from "kafkajs";
import { Appender, type Entry } from "./appender.ts";
import { ClientSlot } from "./client-slot.ts";
import { type OpenLink, RETRY } from "./link.ts";
import { toGivenPartition } from "./messages.ts";
import type { Metadata } from "./metadata.ts";
import { sizeWithin } from "./request-size.ts";

export interface AppendRouterOptions {
  readonly openLink: OpenLink;
  readonly metadata: Pick<Metadata, "leaderOf" | "forget">;
  readonly attempts: number;
  /** Bounds one attempt, and a connection. */
  readonly attemptTimeoutMs: number;
  readonly maxRecordBytes: number;
  readonly maxQueuedBytes: number;
  readonly onUnavailable: () => void;
}

/** Where the records of one partition go. It moves to another appender only while nothing of it is under way. */
interface Road {
  appender: Appender;
  underWay: number;
}

/** Hands each record to the appender of its partition's leader, so that a slow broker delays only its own lanes. */
export class AppendRouter {
  readonly #options: AppendRouterOptions;
  readonly #appenders = new Map<number, { appender: Appender; producers: ClientSlot<Producer> }>();
  readonly #roads = new Map<string, Map<number, Road>>();
  /** Resolves, by topic, once the last append that had to ask for its leader is with an appender or has failed. */
  readonly #seekingLeader = new Map<string, Promise<void>>();
  #queuedBytes = 0;

  constructor(options: AppendRouterOptions) {
    this.#options = options;
  }

  append(record: AppendRecord): Promise<{ readonly offset: number }> {
    let bytes: number;
    try {
      bytes = sizeWithin(this.#options.maxRecordBytes, record);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#queuedBytes + bytes > this.#options.maxQueuedBytes) {
      return Promise.reject(
        new ShardcastError("SHARDCAST_OVERLOADED", "too many bytes wait to be sent to the log"),
      );
    }
    const leader = this.#options.metadata.leaderOf(record.topic, record.partition);
    const before = this.#seekingLeader.get(record.topic);
    return before !== undefined || leader instanceof Promise
      ? this.#enqueueLater(record, bytes, Promise.resolve(leader), before)
      : this.#enqueue(record, bytes, leader);
  }

  rejectQueued(error: ShardcastError): void {
    for (const { appender } of this.#appenders.values()) appender.rejectQueued(error);
  }

  /** Resolves when everything handed over before has its outcome. */
  async drained(): Promise<void> {
    await Promise.all(this.#seekingLeader.values());
    await Promise.all([...this.#appenders.values()].map(({ appender }) => appender.drained()));
  }

  /** Leaves; what has no outcome yet fails. */
  async close(): Promise<void> {
    await Promise.all([...this.#appenders.values()].map(({ producers }) => producers.close()));
  }

  #enqueueLater(
    record: AppendRecord,
    bytes: number,
    leader: Promise<number>,
    before: Promise<void> | undefined,
  ): Promise<{ readonly offset: number }> {
    // Counted from here on, so that a log that is away can not be filled without bound meanwhile (C7).
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      // After those called before, who may still be on their way although the leader is known by now (C1).
      const sought = Promise.allSettled([leader, before]).then(([found]) => {
        this.#queuedBytes -= bytes;
        if (this.#seekingLeader.get(record.topic) === sought) this.#seekingLeader.delete(record.topic);
        if (found.status === "rejected") reject(found.reason);
        else this.#enqueue(record, bytes, found.value).then(resolve, reject);
      });
      this.#seekingLeader.set(record.topic, sought);
    });
  }

  #enqueue(record: AppendRecord, bytes: number, leader: number): Promise<{ readonly offset: number }> {
    const road = this.#road(record.topic, record.partition, leader);
    road.underWay++;
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => road.appender.add({ record, bytes, resolve, reject }));
  }

  #settled({ record, bytes }: Entry): void {
    this.#queuedBytes -= bytes;
    const road = this.#roads.get(record.topic)?.get(record.partition);
    if (road !== undefined) road.underWay--;
  }

  #road(topic: string, partition: number, leader: number): Road {
    const roads = this.#roads.get(topic) ?? new Map<number, Road>();
    this.#roads.set(topic, roads);
    const road = roads.get(partition) ?? { appender: this.#appender(leader), underWay: 0 };
    roads.set(partition, road);
    if (road.underWay === 0) road.appender = this.#appender(leader);
    return road;
  }

  #appender(leader: number): Appender {
    const known = this.#appenders.get(leader);
    if (known !== undefined) return known.appender;
    const { openLink, attempts, attemptTimeoutMs, maxRecordBytes, onUnavailable, metadata } = this.#options;
    const producers = new ClientSlot<Producer>(
      openLink,
      (kafka) =>
        kafka.producer({
          idempotent: true,
          allowAutoTopicCreation: false,
          createPartitioner: toGivenPartition,
          retry: { ...RETRY, retries: attempts - 1 },
        }),
      attemptTimeoutMs,
    );
    const appender = new Appender({
      producers,
      maxBatchBytes: maxRecordBytes,
      sendTimeoutMs: attempts * attemptTimeoutMs,
      onFailure: (fault) => {
        metadata.forget();
        if (fault === "unavailable" || fault === "moving" || fault === "bug") onUnavailable();
      },
      onSettled: (entry) => this.#settled(entry),
    });
    this.#appenders.set(leader, { appender, producers });
    return appender;
  }
}
