import { randomUUID } from "node:crypto";
import { ShardcastError } from "@shardcast/protocol";
import type { Batch, Consumer } from "kafkajs";
import pRetry from "p-retry";
import type { Logger } from "pino";
import { assignAll } from "./assign-all.ts";
import { bounded } from "./bounded.ts";
import { classify } from "./classify.ts";
import { type Link, type OpenLink, RETRY } from "./link.ts";

/** Partitions of a topic. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: number[];
}

/** A batch that held nothing for us, e.g. the markers of a transaction. */
export interface EmptyBatch {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
}

export interface ConsumerLoopOptions {
  readonly openLink: OpenLink;
  readonly topics: readonly string[];
  readonly isolation: "committed" | "uncommitted";
  /**
   * Longest wait of a fetch for its first byte. Also how long a partition that is started or resumed may wait for its
   * first fetch, since kafkajs sleeps that long when everything is paused.
   */
  readonly maxWaitMs: number;
  /** A group of one: its session only has to outlive a stall, nobody takes over when it ends. */
  readonly sessionTimeoutMs: number;
  readonly logger: Logger;
  /** Called within each join, before the first fetch after it. */
  readonly onJoin: (consumer: Consumer, assigned: readonly TopicPartitions[]) => void;
  readonly onBatch: (consumer: Consumer, batch: Batch) => void;
  readonly onEmptyBatch: (batch: EmptyBatch) => void;
  readonly onUnavailable: () => void;
}

const MAX_BYTES_PER_PARTITION = 1_048_576;
/** Bounds a join, whose `group.initial.rebalance.delay.ms` is 3 s by default. */
const JOIN_TIMEOUT_MS = 30_000;
/** Without a finished fetch for this long, beyond the longest wait, kafkajs is taken to be stuck. */
const SILENCE_MS = 15_000;
const RESTART_MS = 500;
/** As long as a broker may take to load its groups after a start, and a caller to wait for it. */
const START_RETRIES = 20;

type State =
  | { readonly kind: "joining"; readonly link: Link; readonly consumer: Consumer }
  | {
      readonly kind: "joined";
      readonly link: Link;
      readonly consumer: Consumer;
      readonly watchdog: NodeJS.Timeout;
    }
  | { readonly kind: "restarting"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "closed" };

/**
 * Keeps one kafkajs consumer running, alone in a group of its own with all partitions. kafkajs joins again and reconnects
 * by itself; where it gives up or falls silent, a new consumer in a new group takes its place.
 */
export class ConsumerLoop {
  readonly #options: ConsumerLoopOptions;
  #state: State | { readonly kind: "new" } = { kind: "new" };
  #lastFetchMs = 0;

  constructor(options: ConsumerLoopOptions) {
    this.#options = options;
  }

  /** The consumer, while it is in its group. */
  get joined(): Consumer | undefined {
    return this.#state.kind === "joined" ? this.#state.consumer : undefined;
  }

  /** Resolves at the first join. A broker that has just started may still be loading what it knows of groups. */
  start(): Promise<void> {
    return pRetry(() => this.#begin(), {
      retries: START_RETRIES,
      minTimeout: RESTART_MS / 2,
      factor: 1,
      randomize: true,
      shouldRetry: ({ error }) => classify(error) === "moving",
    });
  }

  async #begin(): Promise<void> {
    if (this.#state.kind === "closed") throw new ShardcastError("SHARDCAST_CLOSED", "the reader is closed");
    const link = this.#options.openLink();
    const consumer = link.kafka.consumer({
      groupId: `shardcast.reader.${randomUUID()}`,
      partitionAssigners: [assignAll],
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: this.#options.maxWaitMs,
      readUncommitted: this.#options.isolation === "uncommitted",
      maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
      sessionTimeout: this.#options.sessionTimeoutMs,
      // Its own restart would join the old group, and wait there for the member that it was before.
      retry: { ...RETRY, restartOnFailure: async () => false },
    });
    this.#state = { kind: "joining", link, consumer };
    try {
      await bounded(this.#run(link, consumer), JOIN_TIMEOUT_MS, "joining");
    } catch (error) {
      throwAway(link, consumer);
      throw error;
    }
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind === "restarting") clearTimeout(state.timer);
    if (state.kind === "joined") clearInterval(state.watchdog);
    if (state.kind !== "joined" && state.kind !== "joining") return;
    // Without leaving: kafkajs would wait for the fetch that is under way, up to its longest wait, and nobody takes over in a group of
    // one. The broker forgets it after its session.
    throwAway(state.link, state.consumer);
  }

  async #run(link: Link, consumer: Consumer): Promise<void> {
    const { topics, onBatch, onEmptyBatch, onUnavailable } = this.#options;
    const { GROUP_JOIN, CRASH, FETCH, START_BATCH_PROCESS } = consumer.events;
    const firstJoin = new Promise<void>((resolve, reject) => {
      consumer.on(GROUP_JOIN, ({ payload }) => {
        this.#onJoin(link, consumer, payload.memberAssignment as Record<string, number[]>);
        resolve();
      });
      consumer.on(CRASH, ({ payload }) => {
        onUnavailable();
        reject(payload.error);
        if (this.joined === consumer) this.#restart(payload.error.message);
      });
    });
    firstJoin.catch(() => {});
    consumer.on(FETCH, () => {
      this.#lastFetchMs = performance.now();
    });
    // Batches without records for us never reach eachBatch.
    consumer.on(START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0) return;
      const { topic, partition, lastOffset } = payload;
      // Where compaction removed what the fetch asked for, there is no first; kafkajs then goes on offset by offset.
      const firstOffset = payload.firstOffset ?? lastOffset;
      onEmptyBatch({ topic, partition, firstOffset: Number(firstOffset), lastOffset: Number(lastOffset) });
    });
    await consumer.connect();
    // From the beginning where kafkajs has no seek of ours: too early is dropped by us, too late would be lost.
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => onBatch(consumer, batch) });
    await firstJoin;
  }

  #onJoin(link: Link, consumer: Consumer, assignment: Record<string, number[]>): void {
    const state = this.#state;
    if ((state.kind !== "joining" && state.kind !== "joined") || state.consumer !== consumer) return;
    if (state.kind === "joined") clearInterval(state.watchdog);
    this.#lastFetchMs = performance.now();
    const silenceMs = SILENCE_MS + this.#options.maxWaitMs;
    const watchdog = setInterval(() => {
      if (performance.now() - this.#lastFetchMs > silenceMs) this.#restart("no fetch has ended");
    }, SILENCE_MS / 3);
    watchdog.unref();
    this.#state = { kind: "joined", link, consumer, watchdog };
    const assigned = Object.entries(assignment).map(([topic, partitions]) => ({ topic, partitions }));
    this.#options.onJoin(consumer, assigned);
  }

  /** A new consumer takes the place of the one that does not go on. */
  #restart(reason: string): void {
    const state = this.#state;
    if (state.kind !== "joining" && state.kind !== "joined") return;
    if (state.kind === "joined") clearInterval(state.watchdog);
    throwAway(state.link, state.consumer);
    this.#options.logger.debug({ reason }, "reading begins again with a new consumer");
    const again = () => {
      this.#begin().catch((error: Error) => this.#restart(error.message));
    };
    this.#state = { kind: "restarting", timer: setTimeout(again, RESTART_MS * (0.5 + Math.random())) };
  }
}

function throwAway(link: Link, consumer: Consumer): void {
  link.cut();
  consumer.disconnect().catch(() => {});
}
