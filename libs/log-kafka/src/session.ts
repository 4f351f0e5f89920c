import type { AppendRecord, CommitOutcome, CommitWork, MemberSession, SessionOptions } from "@shardcast/log";
import { assertProgress } from "@shardcast/log/driver";
import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import type { Producer } from "kafkajs";
import type { Logger } from "pino";
import { bounded } from "./bounded.ts";
import { classify, toShardcastError } from "./classify.ts";
import { type Link, type OpenLink, RETRY } from "./link.ts";
import { toGivenPartition } from "./messages.ts";
import { rememberCoordinators } from "./remember-coordinators.ts";
import { transact } from "./transact.ts";

export interface KafkaSessionDeps {
  readonly openLink: OpenLink;
  /** Bounds the opening, and each commit. */
  readonly callTimeoutMs: number;
  /** Largest batch of one partition; the broker bounds batches, not records. */
  readonly maxBatchBytes: number;
  /** Throws for a record that is too large. */
  readonly assertFits: (record: AppendRecord) => void;
  /** Throws while the log is known to be away, or closed. */
  readonly assertUsable: () => void;
  readonly onUnavailable: () => void;
  readonly onClosed: (session: MemberSession) => void;
  readonly logger: Logger;
}

/**
 * Who comes after a dead member settles its transaction at once; this bounds how long it holds committed readers up
 * where nobody comes.
 */
const TRANSACTION_TIMEOUT_MS = 10_000;
const LEAVE_TIMEOUT_MS = 2_000;

type State =
  | { readonly kind: "holding"; readonly link: Link; readonly producer: Producer }
  | { readonly kind: "over"; readonly outcome: CommitOutcome }
  | { readonly kind: "closed" };

/**
 * A session: one transactional producer, whose id is made from the member's name. Initialising it fences the one before
 * and settles what that had begun (C2). After a commit that failed kafkajs's producer is of no use, and so is the session:
 * initialising the id again might fence a rightful successor, and only the holder can know whether there is one.
 */
export class KafkaSession implements MemberSession {
  readonly #deps: KafkaSessionDeps;
  readonly #options: SessionOptions;
  #state: State;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(deps: KafkaSessionDeps, options: SessionOptions, link: Link, producer: Producer) {
    this.#deps = deps;
    this.#options = options;
    this.#state = { kind: "holding", link, producer };
  }

  static async open(deps: KafkaSessionDeps, options: SessionOptions): Promise<KafkaSession> {
    const { service, member } = options;
    const link = deps.openLink();
    rememberCoordinators(link.kafka);
    const producer = link.kafka.producer({
      transactionalId: `shardcast.${service}.${member}`,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: toGivenPartition,
      retry: RETRY,
    });
    const begin = async () => {
      await producer.connect();
      // kafkajs initialises the id with its first transaction only; an empty one is ended without a request.
      await (await producer.transaction()).abort();
    };
    try {
      await bounded(begin(), deps.callTimeoutMs, "session");
    } catch (error) {
      link.cut();
      throw toShardcastError(error, `session of ${service}/${member}`);
    }
    return new KafkaSession(deps, options, link, producer);
  }

  async commit({ progress = [], records = [] }: CommitWork): Promise<CommitOutcome> {
    this.#assertOpen();
    for (const each of progress) assertProgress(each);
    for (const record of records) this.#deps.assertFits(record);
    // A copy, because commits wait for their turn and the caller may go on counting meanwhile.
    const work = { progress: progress.map((each) => ({ ...each })), records: [...records] };
    const done = this.#queue.then(() => this.#commit(work));
    this.#queue = done.catch(() => {});
    return done;
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: "closed" };
    this.#deps.onClosed(this);
    if (state.kind !== "holding") return;
    // A commit that is cut in the middle would hold committed readers up for the transaction's time-out.
    const leave = this.#queue.then(() => state.producer.disconnect());
    await bounded(leave, LEAVE_TIMEOUT_MS, "leaving").catch(() => {});
    state.link.cut();
  }

  async #commit(work: Required<CommitWork>): Promise<CommitOutcome> {
    const state = this.#assertOpen();
    if (state.kind === "over") return state.outcome;
    const { service, topic } = this.#options;
    const { callTimeoutMs, maxBatchBytes } = this.#deps;
    try {
      this.#deps.assertUsable(); // not tried at all while the log is away
      const transacting = transact(state.producer, { service, topic, maxBatchBytes }, work);
      const offsets = await bounded(transacting, callTimeoutMs, "commit");
      return { kind: "committed", offsets };
    } catch (error) {
      if (isShardcastError(error) && error.code === "SHARDCAST_CLOSED") throw error;
      return this.#end(state.link, error);
    }
  }

  /** What was given up is cut, so that it can not be carried on behind the next session's back. */
  #end(link: Link, error: unknown): CommitOutcome {
    link.cut();
    const fault = classify(error);
    const outcome: CommitOutcome =
      fault === "fenced"
        ? { kind: "fenced" }
        : { kind: "broken", cause: toShardcastError(error, `commit of ${this.#options.service}`) };
    if (this.#state.kind === "closed") return outcome; // quietly
    this.#state = { kind: "over", outcome };
    if (fault === "fenced")
      this.#deps.logger.warn(this.#options, "fenced: a newer session of this name exists");
    else this.#deps.onUnavailable();
    return outcome;
  }

  #assertOpen(): Exclude<State, { kind: "closed" }> {
    if (this.#state.kind === "closed") throw new ShardcastError("SHARDCAST_CLOSED", "the session is closed");
    return this.#state;
  }
}
