import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import { type Logger, pino } from "pino";
import type { BroadcastHandler, BroadcastSubscription } from "./broadcast-handler.ts";
import { EphemeralMember } from "./broadcasts/ephemeral.ts";
import { BroadcastHandlers } from "./broadcasts/handlers.ts";
import { retry } from "./execution/retry.ts";
import {
  type ResolvedSubscriberOptions,
  resolveSubscriberOptions,
  type SubscriberOptions,
} from "./subscriber-options.ts";

const START_RETRY_MIN_MS = 200;
const START_RETRY_MAX_MS = 5_000;

/**
 * Takes a service's broadcasts in a process that has no lanes, such as a pod of a Deployment: an ephemeral member, expected by
 * broadcasts that are sent while it lives (C6).
 */
export interface Subscriber {
  readonly service: string;
  readonly member: string;
  /**
   * As `Worker.onBroadcast`; there are no lanes to come after.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG for a name given twice, a subscription that can not be, or after `start()`
   */
  onBroadcast(name: string, handler: BroadcastHandler, subscription?: BroadcastSubscription): void;
  /**
   * Begins to receive, and says that it is there; while the log is away it waits for it. Repeated calls share one start; one
   * that failed may be tried again.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG without a handler; SHARDCAST_TOPIC_MISMATCH, SHARDCAST_LOG_REFUSED;
   *   SHARDCAST_CLOSED when stopped before or meanwhile
   */
  start(): Promise<void>;
  /** Begins nothing new, finishes what runs within the grace time, and says that it is gone. Repeated calls share one stop. */
  stop(): Promise<void>;
  /** Resolves when it has stopped. */
  readonly ended: Promise<void>;
}

type State =
  | { readonly kind: "new" }
  | { readonly kind: "starting"; readonly started: Promise<EphemeralMember> }
  | { readonly kind: "receiving"; readonly member: EphemeralMember }
  | { readonly kind: "leaving" };

/**
 * A subscriber. Does nothing until {@link Subscriber.start}.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG naming every option and variable at fault
 */
export function createSubscriber(
  options: SubscriberOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Subscriber {
  return new EphemeralSubscriber(options, resolveSubscriberOptions(options, env));
}

class EphemeralSubscriber implements Subscriber {
  readonly #options: SubscriberOptions;
  readonly #resolved: ResolvedSubscriberOptions;
  readonly #logger: Logger;
  readonly #handlers = new BroadcastHandlers();
  readonly #halting = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  readonly ended = this.#ended.promise;
  #state: State = { kind: "new" };

  constructor(options: SubscriberOptions, resolved: ResolvedSubscriberOptions) {
    this.#options = options;
    this.#resolved = resolved;
    const logger = options.logger ?? pino({ name: "shardcast", level: "info" });
    this.#logger = logger.child({ service: resolved.service, member: resolved.member });
  }

  get service(): string {
    return this.#resolved.service;
  }

  get member(): string {
    return this.#resolved.member;
  }

  onBroadcast(name: string, handler: BroadcastHandler, subscription?: BroadcastSubscription): void {
    if (this.#state.kind !== "new") throw invalid("onBroadcast: must be called before start()");
    if (subscription?.after !== undefined) throw invalid("onBroadcast: after: a subscriber has no lanes");
    this.#handlers.add(name, handler, subscription);
  }

  async start(): Promise<void> {
    const state = this.#state;
    if (state.kind === "new" && this.#handlers.size === 0)
      throw invalid("start: there is no handler; call onBroadcast() before");
    if (state.kind === "new") this.#state = { kind: "starting", started: this.#join() };
    if (this.#state.kind === "starting") await this.#state.started;
    if (this.#halting.signal.aborted) throw stopped();
  }

  async stop(): Promise<void> {
    const state = this.#state;
    if (state.kind === "leaving") return this.ended;
    this.#state = { kind: "leaving" };
    this.#halting.abort(stopped());
    let member = state.kind === "receiving" ? state.member : undefined;
    if (state.kind === "starting") member = await state.started.catch(() => undefined);
    await member?.leave(this.#resolved.graceMs);
    this.#logger.info("stopped");
    this.#ended.resolve();
  }

  async #join(): Promise<EphemeralMember> {
    const { log } = this.#options;
    const halted = this.#halting.signal;
    const options = { ...this.#resolved, log, handlers: this.#handlers, halted, logger: this.#logger };
    try {
      const member = await retry(() => EphemeralMember.join(options), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: START_RETRY_MIN_MS,
        maxTimeout: START_RETRY_MAX_MS,
        randomize: true,
        signal: halted,
        shouldRetry: ({ error }) =>
          isShardcastError(error) && error.retryable && error.code !== "SHARDCAST_CLOSED",
        onFailedAttempt: ({ error, attemptNumber }) => {
          if (attemptNumber === 3) this.#logger.warn({ reason: error.message }, "waiting for the log");
        },
      });
      if (this.#state.kind === "starting") this.#state = { kind: "receiving", member };
      this.#logger.info("receives broadcasts");
      return member;
    } catch (error) {
      if (halted.aborted) throw stopped();
      this.#state = { kind: "new" };
      throw error;
    }
  }
}

function invalid(fault: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_CONFIG", fault);
}

function stopped(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the subscriber has stopped");
}
