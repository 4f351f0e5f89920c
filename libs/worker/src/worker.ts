import { EventEmitter } from "node:events";
import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import { type Logger, pino } from "pino";
import type { BroadcastHandler, BroadcastSubscription } from "./broadcast-handler.ts";
import { BroadcastHandlers } from "./broadcasts/handlers.ts";
import { retry } from "./execution/retry.ts";
import { type Identity, resolveIdentity } from "./identity.ts";
import { type ResolvedWorkerOptions, resolveWorkerOptions, type WorkerOptions } from "./options.ts";
import { type OwnedLane, Ownership, type OwnershipEnd } from "./ownership/ownership.ts";

const START_RETRY_MIN_MS = 200;
const START_RETRY_MAX_MS = 5_000;

/** Why a worker ended. */
export type WorkerEnd =
  | { readonly reason: "stopped" }
  /** A newer process has this member's identity; this one should exit. */
  | { readonly reason: "fenced" };

/** What a worker tells those who listen. */
export interface WorkerEvents {
  /** Its handlers may start. */
  laneAcquired: [lane: OwnedLane];
  /** It was given back in order. */
  laneReleased: [lane: OwnedLane];
  /** It is not ours any more, without a release; the signal of its handlers has fired. */
  laneLost: [lane: OwnedLane];
}

/** What a readiness probe is told. */
export interface Readiness {
  readonly ready: boolean;
  /** `joining`: not yet a member, or the map does not count on it yet. `taking lanes`: some of its own are still missing. */
  readonly status: "joining" | "taking lanes" | "ready" | "leaving";
  readonly member: string;
  /** The lanes whose handlers run, ascending. */
  readonly lanes: readonly number[];
  /** Lanes that the map gives to this member and that it does not serve yet, ascending. */
  readonly missing: readonly number[];
}

export interface Worker {
  readonly service: string;
  readonly member: string;
  /** The lanes this member holds now, ascending, with what it is doing with each. */
  lanes(): readonly OwnedLane[];
  /**
   * Whether its lanes are taken: for the readiness probe of its pod, so that a roll-out goes on when this replica serves what is
   * meant for it. Once they were, a lane more that is on its way to this member does not change it, nor do maps that do not count
   * on it any more: a StatefulSet does not scale down over pods that are not ready. For the same reason a member that no map
   * counts on for `lostAfterMs` is ready: nothing is meant for it.
   */
  readiness(): Readiness;
  /** Listens to what becomes of lanes. Returns what ends it. A listener that throws is logged. */
  on<E extends keyof WorkerEvents>(event: E, listener: (...args: WorkerEvents[E]) => void): () => void;
  /**
   * Handles the broadcasts that name this handler (C6): `""` those that name none, `ANY_BROADCAST` those that no other one takes.
   * A member with at least one is expected by broadcasts; one that names a handler which it does not have fails there. Give
   * all members of a service the same.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG for a name given twice, a subscription that can not be, or after `start()`
   */
  onBroadcast(name: string, handler: BroadcastHandler, subscription?: BroadcastSubscription): void;
  /**
   * Takes the member's lanes and begins to handle requests and broadcasts: resolves when it owns what the shard map gives it,
   * but for lanes that another member has not given back yet. While the log is away it waits for it. Repeated calls share one start; one
   * that failed may be tried again.
   *
   * @throws {ShardcastError} SHARDCAST_TOPIC_MISMATCH, SHARDCAST_LOG_REFUSED; SHARDCAST_CLOSED when stopped before or
   *   meanwhile; SHARDCAST_FENCED when a newer process of this member came up meanwhile: this one has ended
   */
  start(): Promise<void>;
  /**
   * Takes no new work, finishes what runs within the grace time, commits, releases its lanes and leaves. What did not
   * finish stays on the log for the next owner. Repeated calls share one stop.
   */
  stop(): Promise<void>;
  /** Resolves when the worker has ended, by `stop()` or because it was fenced. */
  readonly ended: Promise<WorkerEnd>;
}

/** The life of a worker; that of its membership and its lanes is in `ownership/`. */
type State =
  | { readonly kind: "new" }
  | { readonly kind: "starting"; readonly started: Promise<void>; readonly stopping: AbortController }
  | { readonly kind: "owning"; readonly ownership: Ownership; readonly sinceMs: number }
  | { readonly kind: "leaving"; readonly left: Promise<void>; readonly ownership: Ownership | undefined }
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
  return new MemberWorker(options, resolved, resolveIdentity(resolved.member, resolved.ordinalStart));
}

class MemberWorker implements Worker {
  readonly #options: WorkerOptions;
  readonly #resolved: ResolvedWorkerOptions;
  readonly #identity: Identity;
  readonly #logger: Logger;
  readonly #events = new EventEmitter<WorkerEvents>();
  readonly #broadcasts = new BroadcastHandlers();
  readonly #ended = Promise.withResolvers<WorkerEnd>();
  readonly ended = this.#ended.promise;
  #state: State = { kind: "new" };
  /** Its lanes were all taken once, or there were none to take, and not all lost since. */
  #settled = false;

  constructor(options: WorkerOptions, resolved: ResolvedWorkerOptions, identity: Identity) {
    this.#options = options;
    this.#resolved = resolved;
    this.#identity = identity;
    const logger = options.logger ?? pino({ name: "shardcast", level: "info" });
    this.#logger = logger.child({ service: resolved.service, member: identity.member });
  }

  get service(): string {
    return this.#resolved.service;
  }

  get member(): string {
    return this.#identity.member;
  }

  lanes(): readonly OwnedLane[] {
    const state = this.#state;
    return state.kind === "owning" || state.kind === "leaving" ? (state.ownership?.lanes() ?? []) : [];
  }

  readiness(): Readiness {
    const { member } = this;
    const state = this.#state;
    const lanes = this.lanes().flatMap(({ lane, state }) => (state === "owned" ? [lane] : []));
    if (state.kind === "leaving" || state.kind === "ended")
      return { ready: false, status: "leaving", member, lanes, missing: [] };
    if (state.kind !== "owning") return { ready: false, status: "joining", member, lanes, missing: [] };
    const { planned, wanted, missing } = state.ownership.standing();
    const unplannedMs = performance.now() - state.sinceMs;
    if (planned ? missing.length === 0 : unplannedMs >= this.#resolved.lostAfterMs) this.#settled = true;
    else if (planned && missing.length === wanted.length) this.#settled = false;
    const status = this.#settled ? "ready" : planned ? "taking lanes" : "joining";
    return { ready: this.#settled, status, member, lanes, missing };
  }

  on<E extends keyof WorkerEvents>(event: E, listener: (...args: WorkerEvents[E]) => void): () => void {
    const guarded = (...args: WorkerEvents[E]) => {
      try {
        listener(...args);
      } catch (error) {
        this.#logger.error({ err: error, event }, "a listener threw");
      }
    };
    const emitter = this.#events as EventEmitter;
    emitter.on(event, guarded);
    return () => void emitter.off(event, guarded);
  }

  onBroadcast(name: string, handler: BroadcastHandler, subscription?: BroadcastSubscription): void {
    if (this.#state.kind !== "new") {
      throw new ShardcastError("SHARDCAST_INVALID_CONFIG", "onBroadcast: must be called before start()");
    }
    this.#broadcasts.add(name, handler, subscription);
  }

  async start(): Promise<void> {
    const state = this.#state;
    switch (state.kind) {
      case "new": {
        const stopping = new AbortController();
        const started = this.#start(stopping.signal);
        this.#state = { kind: "starting", started, stopping };
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
    await this.#leave("stopped");
  }

  async #start(stopping: AbortSignal): Promise<void> {
    try {
      const ownership = await retry(() => this.#open(stopping), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: START_RETRY_MIN_MS,
        maxTimeout: START_RETRY_MAX_MS,
        randomize: true,
        signal: stopping,
        shouldRetry: ({ error }) => isShardcastError(error) && error.retryable && !isFinal(error),
        onFailedAttempt: ({ error, attemptNumber }) => {
          // Once, and not for the moment in which a topic just created has no leader yet.
          if (attemptNumber === 3) this.#logger.warn({ reason: error.message }, "waiting for the log");
        },
      });
      if (stopping.aborted) {
        await ownership.stop(this.#resolved.graceMs);
        throw stoppedWhileStarting();
      }
      this.#state = { kind: "owning", ownership, sinceMs: performance.now() };
      void ownership.ended.then((end) => this.#onEnd(end));
      const lanes = ownership.lanes().map(({ lane }) => lane);
      this.#logger.info({ lanes }, lanes.length > 0 ? "owning lanes" : "owns no lane yet");
    } catch (error) {
      if (stopping.aborted) throw stoppedWhileStarting();
      this.#state = { kind: "new" };
      if (isShardcastError(error) && error.code === "SHARDCAST_FENCED") await this.#leave("fenced");
      throw error;
    }
  }

  /** Opens everything and waits until it is settled; closes it again when that fails. */
  async #open(stopping: AbortSignal): Promise<Ownership> {
    const ownership = await Ownership.open({
      options: this.#options,
      resolved: this.#resolved,
      identity: this.#identity,
      broadcasts: this.#broadcasts,
      logger: this.#logger,
      emit: (event, lane) => void (this.#events as EventEmitter).emit(event, lane),
    });
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    stopping.addEventListener("abort", () => resolve(), { once: true });
    if (stopping.aborted) resolve();
    try {
      const end = await Promise.race([ownership.settled(), ownership.ended, stopped]);
      if (end === "replaced") throw fenced();
      return ownership;
    } catch (error) {
      await ownership.stop(this.#resolved.graceMs);
      throw error;
    }
  }

  /** Ends the worker from whatever state it is in, once. */
  #leave(reason: WorkerEnd["reason"]): Promise<void> {
    const state = this.#state;
    if (state.kind === "ended") return Promise.resolve();
    if (state.kind === "leaving") return state.left;
    const left = this.#leaveFrom(state, reason);
    this.#state = {
      kind: "leaving",
      left,
      ownership: state.kind === "owning" ? state.ownership : undefined,
    };
    return left;
  }

  async #leaveFrom(state: State, reason: WorkerEnd["reason"]): Promise<void> {
    let end = reason;
    if (state.kind === "starting") {
      state.stopping.abort();
      await state.started.catch(() => {});
    }
    if (state.kind === "owning") {
      await state.ownership.stop(this.#resolved.graceMs);
      if ((await state.ownership.ended) === "replaced") end = "fenced";
    }
    this.#state = { kind: "ended" };
    if (end === "fenced") this.#logger.error("fenced by a newer process of this member; ended");
    else this.#logger.info("stopped");
    this.#ended.resolve({ reason: end });
  }

  #onEnd(end: OwnershipEnd): void {
    if (end === "replaced") void this.#leave("fenced");
  }
}

/** Retryable by another process, not by this one. */
function isFinal({ code }: ShardcastError): boolean {
  return code === "SHARDCAST_CLOSED" || code === "SHARDCAST_FENCED";
}

function fenced(): ShardcastError {
  return new ShardcastError("SHARDCAST_FENCED", "a newer process has this member's identity");
}

function stoppedWhileStarting(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "stopped while starting");
}
