import type { LogReader, MemberSession } from "@shardcast/log";
import { isShardcastError, type ServiceTopics, ShardcastError, topicsOf } from "@shardcast/protocol";
import { identityMap, lanesOf } from "@shardcast/routing";
import { type Logger, pino } from "pino";
import { Committer } from "./committer.ts";
import type { Handler } from "./handler.ts";
import { type Identity, resolveIdentity } from "./identity.ts";
import { Lane } from "./lane.ts";
import { type ResolvedWorkerOptions, resolveWorkerOptions, type WorkerOptions } from "./options.ts";
import { retry } from "./retry.ts";
import { Settler } from "./settle.ts";

const START_RETRY_MIN_MS = 200;
const START_RETRY_MAX_MS = 5_000;

/** Why a worker ended. */
export type WorkerEnd =
  | { readonly reason: "stopped" }
  /** A newer process has this member's identity; this one should exit. */
  | { readonly reason: "fenced" };

export interface Worker {
  readonly service: string;
  readonly member: string;
  /** The lanes this member owns now, ascending. */
  readonly lanes: readonly number[];
  /**
   * Takes the member's lanes and begins to handle requests. While the log is away it waits for it. Repeated calls share
   * one start; one that failed may be tried again.
   *
   * @throws {ShardcastError} SHARDCAST_TOPIC_MISMATCH, SHARDCAST_LOG_REFUSED; SHARDCAST_CLOSED when stopped before or
   *   meanwhile; SHARDCAST_FENCED when a newer process of this member came up meanwhile: this one has ended
   */
  start(): Promise<void>;
  /**
   * Takes no new work, finishes what runs within the grace time, commits and leaves. What did not finish stays on the
   * log for the next owner. Repeated calls share one stop.
   */
  stop(): Promise<void>;
  /** Resolves when the worker has ended, by `stop()` or because it was fenced. */
  readonly ended: Promise<WorkerEnd>;
}

/** What a worker holds while it owns lanes. */
interface Ownership {
  readonly session: MemberSession;
  readonly reader: LogReader;
  readonly lanes: ReadonlyMap<number, Lane>;
  readonly committer: Committer;
}

/** The life of a worker. Leases and moving lanes add states here, each with its own timers. */
type State =
  | { readonly kind: "new" }
  | { readonly kind: "starting"; readonly started: Promise<void> }
  | { readonly kind: "owning"; readonly ownership: Ownership }
  | { readonly kind: "leaving"; readonly left: Promise<void> }
  | { readonly kind: "ended" };

/**
 * The worker of one replica. Does nothing until {@link Worker.start}.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG naming every option and variable at fault
 */
export function createWorker(
  options: WorkerOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Worker {
  const resolved = resolveWorkerOptions(options, env);
  const identity = resolveIdentity(resolved.member);
  if (identity.ordinal >= resolved.replicas) {
    throw new ShardcastError(
      "SHARDCAST_INVALID_CONFIG",
      `worker: member (SHARDCAST_MEMBER): ordinal ${identity.ordinal} owns no lane of ${resolved.replicas} replicas (SHARDCAST_REPLICAS)`,
    );
  }
  return new MemberWorker(options, resolved, identity);
}

class MemberWorker implements Worker {
  readonly #options: WorkerOptions;
  readonly #resolved: ResolvedWorkerOptions;
  readonly #identity: Identity;
  readonly #topics: ServiceTopics;
  readonly #logger: Logger;
  readonly #handlers: ReadonlyMap<string, Handler>;
  /** Ends the wait for the log at start. */
  readonly #stopping = new AbortController();
  /** Fires the handlers' signal: lost, or the grace time is over. */
  readonly #lost = new AbortController();
  #state: State = { kind: "new" };
  readonly #ended = Promise.withResolvers<WorkerEnd>();
  readonly ended = this.#ended.promise;

  constructor(options: WorkerOptions, resolved: ResolvedWorkerOptions, identity: Identity) {
    const { service, replicas, topicPrefix } = resolved;
    this.#options = options;
    this.#resolved = resolved;
    this.#identity = identity;
    this.#topics = topicsOf(service, { lanes: replicas, prefix: topicPrefix });
    const logger = options.logger ?? pino({ name: "shardcast", level: "info" });
    this.#logger = logger.child({ service, member: identity.member });
    this.#handlers = new Map(Object.entries(options.handlers ?? {}));
  }

  get service(): string {
    return this.#resolved.service;
  }

  get member(): string {
    return this.#identity.member;
  }

  get lanes(): readonly number[] {
    return this.#state.kind === "owning" ? [...this.#state.ownership.lanes.keys()] : [];
  }

  async start(): Promise<void> {
    const state = this.#state;
    switch (state.kind) {
      case "new": {
        const started = this.#start();
        this.#state = { kind: "starting", started };
        return started;
      }
      case "starting":
        return state.started;
      case "owning":
        return;
      default:
        throw new ShardcastError("SHARDCAST_CLOSED", "the worker has stopped");
    }
  }

  async stop(): Promise<void> {
    await this.#leave();
  }

  async #start(): Promise<void> {
    try {
      const ownership = await retry(() => this.#takeOwnership(), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: START_RETRY_MIN_MS,
        maxTimeout: START_RETRY_MAX_MS,
        randomize: true,
        signal: this.#stopping.signal,
        shouldRetry: ({ error }) => isShardcastError(error) && error.retryable && !isFinal(error),
        onFailedAttempt: ({ error, attemptNumber }) => {
          // Once, and not for the moment in which a topic just created has no leader yet.
          if (attemptNumber === 3) this.#logger.warn({ reason: error.message }, "waiting for the log");
        },
      });
      if (this.#stopping.signal.aborted) {
        await this.#release(ownership);
        throw stoppedWhileStarting();
      }
      this.#state = { kind: "owning", ownership };
      this.#logger.info({ lanes: this.lanes }, "owning lanes");
      for (const lane of ownership.lanes.values()) lane.begin();
    } catch (error) {
      if (this.#stopping.signal.aborted) throw stoppedWhileStarting();
      this.#state = { kind: "new" };
      if (isShardcastError(error) && error.code === "SHARDCAST_FENCED") void this.#onFenced();
      throw error;
    }
  }

  async #takeOwnership(): Promise<Ownership> {
    const { log } = this.#options;
    const { replicas, commitIntervalMs } = this.#resolved;
    await log.ensureTopics(Object.values(this.#topics));
    const topic = this.#topics.requests.name;
    const lanes = new Map<number, Lane>();
    // Joining may take seconds, so it comes before the session, which ends the older incarnation of this member.
    const reader = await log.openReader({
      topics: [topic],
      onRecords: (records) => lanes.get((records[0] as { partition: number }).partition)?.accept(records),
    });
    let session: MemberSession | undefined;
    try {
      session = await log.openSession({ service: groupOf(this.#resolved), member: this.member, topic });
      for (const lane of lanesOf(identityMap(replicas), this.#identity.ordinal)) {
        lanes.set(lane, this.#lane(reader, topic, await session.take(lane)));
      }
      for (const [lane, { position }] of lanes) await reader.start(topic, lane, position);
    } catch (error) {
      await Promise.allSettled([session?.close(), reader.close()]);
      throw error;
    }
    const committer = new Committer({
      session,
      lanes,
      intervalMs: commitIntervalMs,
      logger: this.#logger,
      onFenced: () => void this.#onFenced(),
    });
    return { session, reader, lanes, committer };
  }

  #lane(reader: LogReader, topic: string, from: { lane: number; offset: number; metadata: string }): Lane {
    const { lane } = from;
    const { log, defaultHandler } = this.#options;
    const logger = this.#logger.child({ lane });
    const scope = { service: this.service, member: this.member, lane, signal: this.#lost.signal, logger };
    return new Lane(
      {
        ...this.#resolved,
        scope,
        handlerFor: (name) => this.#handlers.get(name) ?? defaultHandler,
        settler: new Settler(log, this.#topics, scope),
        pause: () => reader.pause(topic, lane),
        resume: () => reader.resume(topic, lane),
      },
      from,
    );
  }

  /** Ends the worker from whatever state it is in, once. */
  #leave(): Promise<void> {
    const state = this.#state;
    if (state.kind === "ended") return Promise.resolve();
    if (state.kind === "leaving") return state.left;
    this.#stopping.abort();
    const left = this.#leaveFrom(state);
    this.#state = { kind: "leaving", left };
    return left;
  }

  async #leaveFrom(state: State): Promise<void> {
    await (state.kind === "starting" ? state.started.catch(() => {}) : undefined);
    if (state.kind === "owning") await this.#release(state.ownership);
    this.#state = { kind: "ended" };
    const fenced = isFenced(this.#lost.signal);
    if (fenced) this.#logger.error("fenced by a newer process of this member; ended");
    else this.#logger.info("stopped");
    this.#ended.resolve({ reason: fenced ? "fenced" : "stopped" });
  }

  /** No new work, finish what runs within the grace time unless the lanes are lost, commit, leave. Never rejects. */
  async #release({ session, reader, lanes, committer }: Ownership): Promise<void> {
    const { signal } = this.#lost;
    const grace = setTimeout(() => {
      this.#logger.warn(
        { graceMs: this.#resolved.graceMs },
        "grace time is over; running handlers are abandoned",
      );
      this.#lost.abort(new ShardcastError("SHARDCAST_CLOSED", "the worker's grace time is over"));
    }, this.#resolved.graceMs);
    const lost = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
    // A handler that does not heed its signal must not hold the lanes: it is left behind.
    await Promise.race([Promise.all([...lanes.values()].map((lane) => lane.drain())), lost]);
    clearTimeout(grace);
    const outcome = await committer.finish();
    if (outcome.kind !== "committed")
      this.#logger.warn({ outcome: outcome.kind }, "last progress not committed");
    await Promise.allSettled([reader.close(), session.close()]);
  }

  /** C2: the handlers' signal fires and none starts any more; during a stop, that ends at once too. */
  async #onFenced(): Promise<void> {
    this.#lost.abort(new ShardcastError("SHARDCAST_FENCED", "a newer process has this member's identity"));
    await this.#leave();
  }
}

function isFenced({ reason }: AbortSignal): boolean {
  return isShardcastError(reason) && reason.code === "SHARDCAST_FENCED";
}

/** Retryable by another process, not by this one. */
function isFinal({ code }: ShardcastError): boolean {
  return code === "SHARDCAST_CLOSED" || code === "SHARDCAST_FENCED";
}

function stoppedWhileStarting(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "stopped while starting");
}

/** The consumer group that progress is committed under: the service, with the prefix that keeps installations apart. */
function groupOf({ service, topicPrefix }: ResolvedWorkerOptions): string {
  return `${topicPrefix}${service}`;
}
