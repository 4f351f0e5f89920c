import { broadcastGroupOf, isShardcastError, ShardcastError } from "@shardcast/protocol";
import { retry } from "../execution/retry.ts";
import { announceJoined } from "./acks.ts";
import { BroadcastReader } from "./broadcast-reader.ts";
import { Position } from "./position.ts";
import { Reception, type ReceptionSettings } from "./reception.ts";

export interface DurableSubscriberOptions extends ReceptionSettings {
  readonly topicPrefix: string;
  readonly catchUp: "none" | "ttl";
  readonly commitIntervalMs: number;
}

/** What is known once the member has joined. */
export interface Joined {
  /** Where this process first spoke on `S.control`: its words go by it. */
  readonly token: number;
  /** Reads `S.control` to its end: whether a newer process has this member's identity. */
  readonly isReplaced: () => Promise<boolean>;
  /** Resolves when everything is done that lies on the member's lanes now. */
  readonly afterLanes: () => Promise<void>;
}

/** What a state needs lives and ends with it. */
type State =
  | { readonly kind: "open" }
  | { readonly kind: "starting"; readonly started: Promise<void> }
  | { readonly kind: "receiving"; readonly reception: Reception; readonly position: Position }
  | { readonly kind: "over" };

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;

/**
 * The broadcasts of a durable member: one whose place is kept while it is down (C6). It goes on where its predecessor's
 * position was committed, in a session of its own, so that lanes and broadcasts do not wait for each other.
 */
export class DurableSubscriber {
  readonly #options: DurableSubscriberOptions;
  readonly #reader: BroadcastReader;
  readonly #halting = new AbortController();
  #state: State = { kind: "open" };

  /** Opens the reader, which may take seconds. @throws what the log throws */
  static async open(options: DurableSubscriberOptions): Promise<DurableSubscriber> {
    const reader = await BroadcastReader.open(options.log, options.topics.broadcast.name);
    return new DurableSubscriber(options, reader);
  }

  private constructor(options: DurableSubscriberOptions, reader: BroadcastReader) {
    this.#options = options;
    this.#reader = reader;
  }

  /** Fires when no attempt starts any more. */
  get halted(): AbortSignal {
    return this.#halting.signal;
  }

  /**
   * Begins to receive, however long the log is away. Called once.
   *
   * @throws {ShardcastError} what waiting does not mend
   */
  start(joined: Joined): Promise<void> {
    const started = this.#start(joined);
    this.#state = { kind: "starting", started };
    return started;
  }

  /** Lets go of what was opened, where it was never started. */
  async close(): Promise<void> {
    await this.#reader.close();
  }

  /** Starts no attempt any more, lets those that run finish, commits and lets go of the name. Never rejects. */
  async stop(graceMs: number): Promise<void> {
    this.#halting.abort(new ShardcastError("SHARDCAST_CLOSED", "the worker stops"));
    if (this.#state.kind === "starting") await this.#state.started.catch(() => {});
    const state = this.#state;
    if (state.kind === "over") return;
    this.#state = { kind: "over" };
    if (state.kind === "receiving") {
      await state.reception.finish(graceMs);
      await state.position.close();
    }
    await this.#reader.close();
  }

  /** Ends at once: a newer process is this member. What runs is told so, and nothing of it counts. */
  end(reason: ShardcastError): void {
    this.#halting.abort(reason);
    const state = this.#state;
    this.#state = { kind: "over" };
    if (state.kind === "receiving") {
      state.reception.end(reason);
      state.position.abandon();
    }
    void this.#reader.close();
  }

  async #start(joined: Joined): Promise<void> {
    const { log, topics, service, member, topicPrefix, commitIntervalMs: intervalMs, logger } = this.#options;
    const position = new Position({
      ...{ log, member, intervalMs, logger },
      group: broadcastGroupOf(service, member, topicPrefix),
      topic: topics.broadcast.name,
      isReplaced: joined.isReplaced,
    });
    try {
      await retry(() => this.#receive(joined, position), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: RETRY_MIN_MS,
        maxTimeout: RETRY_MAX_MS,
        randomize: true,
        signal: this.halted,
        shouldRetry: ({ error }) =>
          isShardcastError(error) && error.retryable && error.code !== "SHARDCAST_CLOSED",
      });
    } catch (error) {
      position.abandon();
      throw error;
    }
  }

  async #receive({ token, afterLanes }: Joined, position: Position): Promise<void> {
    const { log, topics, member, catchUp } = this.#options;
    // In this order: of what the predecessor has committed its words then lie before the mark, and count (C6).
    const found = await position.open();
    await announceJoined(log, topics.acks, { member, token });
    const { low, high } = await this.#reader.range();
    this.halted.throwIfAborted();
    const firstJoined = found === undefined ? high : 0;
    const from = found ?? { offset: low, metadata: "" };
    const reception = new Reception({
      ...this.#options,
      reader: this.#reader,
      author: { member, token },
      from,
      actsFrom: catchUp === "ttl" ? 0 : firstJoined,
      afterLanes,
      halted: this.halted,
      onProgress: () => position.changed(),
    });
    this.#state = { kind: "receiving", reception, position };
    await this.#reader.start(reception, from.offset, high);
    // A position below would let a crash forget where it first joined.
    position.follow(() => (reception.progress().offset < firstJoined ? undefined : reception.progress()));
  }
}
