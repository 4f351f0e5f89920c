import { setTimeout as sleep } from "node:timers/promises";
import {
  type CommitOutcome,
  type LaneProgress,
  MAX_METADATA_BYTES,
  type MemberSession,
  type SessionOptions,
} from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { Producer, Transaction } from "kafkajs";
import type { Logger } from "pino";
import type { AdminClient } from "./admin-client.ts";
import { bounded } from "./bounded.ts";
import { classify, toShardcastError } from "./classify.ts";
import { type Link, type OpenLink, RETRY } from "./link.ts";
import { committedOf, type OffsetRange } from "./offsets.ts";
import { newSessionId, stamp, unstamp } from "./stamp.ts";

export interface KafkaSessionDeps {
  readonly openLink: OpenLink;
  readonly admin: AdminClient;
  /** Bounds one request with a connection before it. */
  readonly callTimeoutMs: number;
  readonly offsetsOf: (topic: string, partition: number) => Promise<OffsetRange>;
  /** Throws while the log is known to be away, or closed. */
  readonly assertUsable: () => void;
  readonly onUnavailable: () => void;
  readonly onClosed: (session: MemberSession) => void;
  readonly logger: Logger;
}

/** A dead member's transaction that is still open is aborted by its successor at once; this only bounds a zombie's. */
const TRANSACTION_TIMEOUT_MS = 30_000;
/** CONCURRENT_TRANSACTIONS lasts a couple of milliseconds; kafkajs does not retry it here. */
const CONCURRENT_ATTEMPTS = 50;
const CONCURRENT_WAIT_MS = 3;
const LEAVE_TIMEOUT_MS = 2_000;

type State =
  | { readonly kind: "holding"; readonly link: Link; readonly producer: Producer }
  /** The producer is of no use after a fault of unknown outcome; the next commit makes a new one. */
  | { readonly kind: "broken" }
  | { readonly kind: "fenced" }
  | { readonly kind: "closed" };

/**
 * A member's session: one transactional producer, whose id is made from the member's identity. Initialising it fences
 * the older incarnation (C2); all lanes' offsets are committed in one transaction of it, under the service's name.
 */
export class KafkaSession implements MemberSession {
  readonly #deps: KafkaSessionDeps;
  readonly #options: SessionOptions;
  readonly #id = newSessionId();
  readonly #taken = new Set<number>();
  #state: State = { kind: "broken" };
  /**
   * Initialisations of ours that were given up without an answer. One that a stalled broker carries out late fences
   * ourselves, so being fenced proves a newer session only without them.
   */
  #ghosts = 0;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(deps: KafkaSessionDeps, options: SessionOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  static async open(deps: KafkaSessionDeps, options: SessionOptions): Promise<KafkaSession> {
    const session = new KafkaSession(deps, options);
    try {
      session.#state = { kind: "holding", ...(await session.#initialise()) };
    } catch (error) {
      throw toShardcastError(error, `session of ${options.service}/${options.member}`);
    }
    return session;
  }

  async take(lane: number): Promise<LaneProgress> {
    const { service, topic, member } = this.#options;
    this.#assertLive();
    this.#deps.assertUsable();
    let progress: LaneProgress;
    try {
      const committed = (await committedOf(this.#deps.admin, service, topic)).get(lane);
      progress =
        committed === undefined
          ? { lane, offset: (await this.#deps.offsetsOf(topic, lane)).low, metadata: "" }
          : { lane, offset: committed.offset, metadata: unstamp(committed.metadata).metadata };
    } catch (error) {
      throw toShardcastError(error, `lane ${lane} of ${service}`);
    }
    this.#taken.add(lane);
    // Committing what was read stamps the lane as ours, so that an older session sees that it is over.
    const outcome = await this.commit([progress]);
    if (outcome.kind === "committed") return progress;
    this.#taken.delete(lane);
    if (outcome.kind === "fenced") throw fenced(service, member);
    throw toShardcastError(outcome.cause, `lane ${lane} of ${service}`);
  }

  async commit(progress: readonly LaneProgress[]): Promise<CommitOutcome> {
    for (const { lane, metadata } of progress) {
      if (!this.#taken.has(lane)) throw new RangeError(`lane ${lane} is not taken`);
      if (metadata.length > MAX_METADATA_BYTES) throw new RangeError(`metadata of lane ${lane} is too long`);
    }
    const copy = progress.map((each) => ({ ...each })); // the caller may go on counting in its own
    const done = this.#queue.then(() => this.#commit(copy));
    this.#queue = done;
    return done;
  }

  async giveUp(progress: readonly LaneProgress[]): Promise<CommitOutcome> {
    const outcome = await this.commit(progress);
    if (outcome.kind === "committed") for (const { lane } of progress) this.#taken.delete(lane);
    return outcome;
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#deps.onClosed(this);
    if (state.kind !== "fenced") this.#state = { kind: "closed" };
    if (state.kind !== "holding") return;
    await bounded(state.producer.disconnect(), LEAVE_TIMEOUT_MS, "leaving").catch(() => {});
    state.link.cut();
  }

  async #commit(progress: readonly LaneProgress[]): Promise<CommitOutcome> {
    try {
      // Not tried at all while the log is away: a commit of unknown outcome costs the producer.
      if (this.#state.kind !== "fenced") this.#deps.assertUsable();
    } catch (cause) {
      return { kind: "unavailable", cause };
    }
    try {
      const producer = await this.#producer();
      if (producer === undefined) return { kind: "fenced" };
      await bounded(this.#transact(producer, progress), this.#deps.callTimeoutMs, "commit");
      return { kind: "committed" };
    } catch (cause) {
      if (classify(cause) === "fenced" && this.#ghosts === 0) {
        this.#fence();
        return { kind: "fenced" };
      }
      if (classify(cause) === "fenced")
        this.#ghosts = 0; // the next commit finds out whether it was one
      else this.#deps.onUnavailable();
      this.#breakOff();
      return { kind: "unavailable", cause };
    }
  }

  /** The producer to commit with, a new one after a fault; undefined when a newer session exists. */
  async #producer(): Promise<Producer | undefined> {
    const state = this.#state;
    switch (state.kind) {
      case "holding":
        return state.producer;
      case "fenced":
        return undefined;
      case "closed":
        throw new ShardcastError("SHARDCAST_CLOSED", "the session is closed");
      case "broken": {
        if (await this.#replaced()) {
          this.#fence();
          return undefined;
        }
        const { link, producer } = await this.#initialise();
        if ((this.#state as State).kind !== "broken") {
          link.cut();
          throw new ShardcastError("SHARDCAST_CLOSED", "the session is closed");
        }
        this.#state = { kind: "holding", link, producer };
        return producer;
      }
    }
  }

  /** Whether a newer session of this member has committed to a lane that is ours. */
  async #replaced(): Promise<boolean> {
    if (this.#taken.size === 0) return false;
    const committed = await committedOf(this.#deps.admin, this.#options.service, this.#options.topic);
    for (const lane of this.#taken) {
      const found = committed.get(lane);
      if (found !== undefined && unstamp(found.metadata).sessionId !== this.#id) return true;
    }
    return false;
  }

  async #transact(producer: Producer, progress: readonly LaneProgress[]): Promise<void> {
    const { service, topic } = this.#options;
    const transaction = await producer.transaction();
    const partitions = progress.map(({ lane, offset, metadata }) => ({
      partition: lane,
      offset: String(offset),
      metadata: stamp(this.#id, metadata),
    }));
    await sendOffsets(transaction, service, [{ topic, partitions }]);
    await transaction.commit();
  }

  /** Connects a producer and gets it a new epoch of the member's transactional id: older ones are fenced from here. */
  async #initialise(): Promise<{ readonly link: Link; readonly producer: Producer }> {
    const { service, member } = this.#options;
    const link = this.#deps.openLink();
    const producer = link.kafka.producer({
      transactionalId: `shardcast.${service}.${member}`,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      idempotent: true,
      allowAutoTopicCreation: false,
      retry: RETRY,
    });
    const begin = async () => {
      await producer.connect();
      // kafkajs initialises the id with its first transaction only; an empty one is ended without a request.
      await (await producer.transaction()).abort();
    };
    try {
      await bounded(begin(), this.#deps.callTimeoutMs, "session");
    } catch (error) {
      this.#ghosts++;
      link.cut();
      throw error;
    }
    return { link, producer };
  }

  #assertLive(): void {
    if (this.#state.kind === "fenced") throw fenced(this.#options.service, this.#options.member);
    if (this.#state.kind === "closed") throw new ShardcastError("SHARDCAST_CLOSED", "the session is closed");
  }

  #fence(): void {
    this.#breakOff();
    this.#state = { kind: "fenced" };
    this.#deps.logger.warn(this.#options, "fenced: a newer session of this member exists");
  }

  /** After a failed commit kafkajs's producer is stuck in its transaction; only a new one goes on. */
  #breakOff(): void {
    if (this.#state.kind !== "holding") return;
    this.#state.link.cut();
    this.#state = { kind: "broken" };
  }
}

async function sendOffsets(
  transaction: Transaction,
  consumerGroupId: string,
  topics: { topic: string; partitions: { partition: number; offset: string; metadata: string }[] }[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await transaction.sendOffsets({ consumerGroupId, topics });
      return;
    } catch (error) {
      if (classify(error) !== "concurrent" || attempt === CONCURRENT_ATTEMPTS) throw error;
      await sleep(CONCURRENT_WAIT_MS);
    }
  }
}

function fenced(service: string, member: string): ShardcastError {
  return new ShardcastError("SHARDCAST_FENCED", `a newer session of ${service}/${member} exists`);
}
