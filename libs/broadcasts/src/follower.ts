import { setTimeout as sleep } from "node:timers/promises";
import type { Log, LogReader, LogRecord, OffsetRange } from "@shardcast/log";
import {
  ackPartitionOf,
  type BroadcastTopics,
  decodeAck,
  decodeBroadcast,
  ShardcastError,
} from "@shardcast/protocol";
import type { Logger } from "pino";
import { closedError } from "./errors.ts";
import { HeldAcks } from "./held-acks.ts";
import type { KnownBroadcasts } from "./known-broadcasts.ts";
import { Tokens } from "./tokens.ts";

export interface FollowerOptions {
  readonly service: string;
  readonly topics: BroadcastTopics;
  readonly known: KnownBroadcasts;
  readonly logger: Logger | undefined;
}

/** How long an idle follower lets a request wait at the log; news are told at once all the same. */
const MAX_WAIT_MS = 1_000;
const RETRY_MS = 250;

/**
 * Reads `S.broadcast` and `S.acks` from their beginnings, and goes on. Acks are read when every broadcast is known that they can be
 * about; later, what comes before its broadcast is held until that was read, or is known to be none.
 */
export class Follower {
  readonly #log: Log;
  readonly #options: FollowerOptions;
  readonly #reader: LogReader;
  readonly #tokens: readonly Tokens[];
  readonly #held = new HeldAcks();
  /** Where each partition of the acks ended in the beginning. */
  readonly #acksAtFirst: readonly OffsetRange[];
  #asking = false;
  #paused = false;
  #closed = false;
  /** Resolves when everything is read that was on the log when it was opened. */
  readonly restored: Promise<void>;

  /** Resolves when it has begun to read. Rejects as the log does; SHARDCAST_TOPIC_MISMATCH. */
  static async open(log: Log, options: FollowerOptions): Promise<Follower> {
    const { broadcast, acks } = options.topics;
    // In this order: the broadcasts that these acks are about lie before the end that is asked for then.
    const acksAtFirst = await log.rangesOf(acks.name);
    const [broadcasts] = await log.rangesOf(broadcast.name);
    if (acksAtFirst.length !== acks.partitions || broadcasts === undefined) {
      const detail = `topic ${acks.name} has ${acksAtFirst.length} partitions, wanted ${acks.partitions}`;
      throw new ShardcastError("SHARDCAST_TOPIC_MISMATCH", detail);
    }
    const isNew = broadcasts.low === broadcasts.high;
    const start = [{ topic: broadcast.name, partition: 0, from: "earliest" as const }];
    const acksStart = acksAtFirst.map((_, partition) => ({
      ...{ topic: acks.name, partition, from: "earliest" as const },
    }));
    let follower: Follower | undefined;
    const early: LogRecord[] = [];
    const reader = await log.openReader({
      topics: [broadcast.name, acks.name],
      isolation: "uncommitted",
      maxWaitMs: MAX_WAIT_MS,
      start: isNew ? [...start, ...acksStart] : start,
      onRecords: (records) => {
        if (follower === undefined) early.push(...records);
        else follower.#onRecords(records);
      },
    });
    follower = new Follower(log, options, reader, acksAtFirst, isNew ? undefined : broadcasts.high);
    follower.#onRecords(early);
    return follower;
  }

  private constructor(
    log: Log,
    options: FollowerOptions,
    reader: LogReader,
    acksAtFirst: readonly OffsetRange[],
    broadcastsAtFirst: number | undefined,
  ) {
    this.#log = log;
    this.#options = options;
    this.#reader = reader;
    this.#acksAtFirst = acksAtFirst;
    this.#tokens = acksAtFirst.map(() => new Tokens());
    this.restored = this.#restore(broadcastsAtFirst);
    this.restored.catch(() => {}); // nobody has to wait for it
  }

  /** Resolves when all broadcasts below the offset are known. @throws {ShardcastError} SHARDCAST_CLOSED */
  async reached(offset: number): Promise<void> {
    if (this.#closed) throw closedError();
    await this.#reader.reached(this.#options.topics.broadcast.name, 0, offset);
  }

  /** Resolves when all that was said in a partition of the acks below the offset is known. */
  async reachedAck(partition: number, offset: number): Promise<void> {
    if (this.#closed) throw closedError();
    await this.#reader.reached(this.#options.topics.acks.name, partition, offset);
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#reader.close();
  }

  async #restore(broadcastsAtFirst: number | undefined): Promise<void> {
    const { topics, known } = this.#options;
    const acks = topics.acks.name;
    if (broadcastsAtFirst !== undefined) {
      await this.reached(broadcastsAtFirst);
      const starts = this.#acksAtFirst.map((_, partition) =>
        this.#tried(() => this.#reader.start(acks, partition, "earliest")),
      );
      await Promise.all(starts);
    }
    await Promise.all(this.#acksAtFirst.map(({ high }, partition) => this.reachedAck(partition, high)));
    known.restored();
  }

  #onRecords(records: readonly LogRecord[]): void {
    const { topics, logger } = this.#options;
    const strange: LogRecord[] = [];
    for (const record of records) {
      const ours = record.topic === topics.acks.name ? this.#onAck(record) : this.#onBroadcast(record);
      if (!ours) strange.push(record);
    }
    const [first] = strange;
    if (first === undefined) return;
    const { topic, partition, offset } = first;
    logger?.warn({ topic, partition, offset, records: strange.length }, "not of broadcasts; passed over");
  }

  #onBroadcast(record: LogRecord): boolean {
    const { service, known } = this.#options;
    const decoded = decodeBroadcast(record, service);
    switch (decoded.kind) {
      case "malformed":
        return false;
      case "cancel":
        known.cancel(decoded.id);
        return true;
      case "broadcast": {
        const { id } = decoded.broadcast;
        known.take(decoded.broadcast, record.offset);
        for (const { word, replaced } of this.#held.release(id)) known.apply(word, replaced);
        return true;
      }
    }
  }

  #onAck(record: LogRecord): boolean {
    const { partition, offset } = record;
    const word = decodeAck(record);
    const tokens = this.#tokens[partition];
    if (word === undefined || tokens === undefined) return false;
    if (word.kind === "joined") {
      tokens.hear(word.member, word.token);
      return true;
    }
    if (ackPartitionOf(word.id) !== partition) return false; // its order says nothing there
    const hasToken = "author" in word && "token" in word.author;
    // Judged now also when it is held: what comes later says nothing about when it was written.
    const replaced = hasToken && !tokens.hear(word.author.member, word.author.token);
    const { known } = this.#options;
    if (known.get(word.id) !== undefined) {
      known.apply(word, replaced);
    } else if (offset < (this.#acksAtFirst[partition]?.high ?? 0)) {
      known.countUnknown(1); // every broadcast is read that it could be about
    } else {
      this.#held.add({ word, replaced });
      this.#holdOn();
    }
    return true;
  }

  #holdOn(): void {
    if (this.#held.full) this.#pause(true);
    if (this.#asking) return;
    this.#asking = true;
    this.#askForHeld().catch(() => {}); // closed
  }

  /** Reads all broadcasts that there are now; what is then still held is about none. */
  async #askForHeld(): Promise<void> {
    const { topics, known } = this.#options;
    while (this.#held.size > 0) {
      const ids = this.#held.ids();
      const [range] = await this.#tried(() => this.#log.rangesOf(topics.broadcast.name));
      await this.reached(range?.high ?? 0);
      for (const id of ids) known.countUnknown(this.#held.release(id).length);
      if (!this.#held.full) this.#pause(false);
    }
    this.#asking = false;
  }

  #pause(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    const { acks } = this.#options.topics;
    for (let partition = 0; partition < acks.partitions; partition++) {
      if (paused) this.#reader.pause(acks.name, partition);
      else this.#reader.resume(acks.name, partition);
    }
  }

  /** Again and again while the log is away. @throws {ShardcastError} SHARDCAST_CLOSED */
  async #tried<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#closed) throw closedError();
      try {
        return await attempt();
      } catch (error) {
        if (this.#closed) throw closedError();
        this.#options.logger?.debug({ err: error }, "the log does not answer; trying on");
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
