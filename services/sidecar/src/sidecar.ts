import type { Log } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { OwnedLane, Readiness, WorkerEnd } from "@shardcast/worker";
import type { Logger } from "pino";
import { Application } from "./app/application.ts";
import { type Patience, Presence } from "./app/presence.ts";
import type { Environment } from "./member.ts";
import type { SidecarOptions } from "./options.ts";
import { newStay, type Stay } from "./stay.ts";

/** What a readiness probe is told: that of the member, and whether the application is there. */
export interface SidecarReadiness extends Omit<Readiness, "status"> {
  readonly status: Readiness["status"] | "waiting for the application" | "the application is away" | "left";
}

/** A member that brings to an application beside it what it gets. */
export interface Sidecar {
  readonly service: string;
  readonly member: string;
  readiness(): SidecarReadiness;
  /** The lanes that the member holds now. */
  lanes(): readonly OwnedLane[];
  /**
   * Waits for the application, then joins: resolves when the member has its lanes. From then on it leaves when the application
   * is away for too long, and joins again when that is back.
   *
   * @throws {ShardcastError} SHARDCAST_CLOSED when it was told to leave meanwhile, and as the member's `start`
   */
  start(): Promise<void>;
  /** Leaves for good: takes nothing new, lets what runs finish within the grace time, releases the lanes. Repeated calls share one. */
  leave(): Promise<void>;
  /** It was told to leave for good. */
  readonly isLeaving: boolean;
  /** Resolves when it has left for good and no lane is its own any more. */
  readonly left: Promise<void>;
  /** Leaves, then lets go of the application. The log stays open. */
  stop(): Promise<void>;
  /** Resolves when it has left for good, or was fenced; rejects with what joining again failed with. */
  readonly ended: Promise<WorkerEnd>;
}

/** @throws {ShardcastError} SHARDCAST_INVALID_CONFIG naming every variable of the member at fault */
export function createSidecar(log: Log, logger: Logger, options: SidecarOptions, env: Environment): Sidecar {
  const { appUrl: url, appTimeoutMs: timeoutMs, maxReplyBytes, appHealthUrl: healthUrl } = options;
  const application = new Application({ url, timeoutMs, maxReplyBytes });
  const presence = new Presence(application, { healthUrl, intervalMs: options.appHealthIntervalMs, logger });
  const next = () => newStay({ log, logger, options, application, presence, env });
  return new MemberSidecar({ application, presence, logger, options, next }, next());
}

interface Parts {
  readonly application: Application;
  readonly presence: Presence;
  readonly logger: Logger;
  readonly options: SidecarOptions;
  readonly next: () => Stay;
}

type State =
  /** For the application; the stay begins when it is well. */
  | { readonly kind: "waiting"; readonly stay: Stay }
  | { readonly kind: "staying"; readonly stay: Stay }
  /** Because the application is away. */
  | { readonly kind: "leaving"; readonly stay: Stay; readonly left: Promise<void> }
  /** For good. */
  | { readonly kind: "left"; readonly stay: Stay };

class MemberSidecar implements Sidecar {
  readonly #parts: Parts;
  readonly #leaving = new AbortController();
  readonly #joined = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<WorkerEnd>();
  readonly #left = Promise.withResolvers<void>();
  readonly ended = this.#ended.promise;
  readonly left = this.#left.promise;
  #state: State;
  #started = false;
  #leave: Promise<void> | undefined;

  constructor(parts: Parts, first: Stay) {
    this.#parts = parts;
    this.#state = { kind: "waiting", stay: first };
    // Each is told to who asks for it; nobody may.
    this.#joined.promise.catch(() => {});
    this.ended.catch(() => {});
  }

  get service(): string {
    return this.#state.stay.member.service;
  }

  get member(): string {
    return this.#state.stay.member.member;
  }

  get isLeaving(): boolean {
    return this.#leaving.signal.aborted;
  }

  lanes(): readonly OwnedLane[] {
    return this.#state.stay.member.lanes();
  }

  readiness(): SidecarReadiness {
    const { kind, stay } = this.#state;
    const standing = stay.member.readiness();
    if (kind === "left") return { ...standing, ready: false, status: "left" };
    if (this.isLeaving) return { ...standing, ready: false, status: "leaving" };
    if (kind === "waiting") return { ...standing, ready: false, status: "waiting for the application" };
    if (this.#parts.presence.isWell) return standing;
    return { ...standing, ready: false, status: "the application is away" };
  }

  start(): Promise<void> {
    if (!this.#started) {
      this.#started = true;
      void this.#parts.presence.watch(this.#leaving.signal).catch(this.#ended.reject);
      void this.#live().then(
        (end) => {
          // Of no effect once it has joined.
          this.#joined.reject(end.reason === "fenced" ? fenced() : stopped());
          this.#ended.resolve(end);
        },
        (error: unknown) => {
          this.#joined.reject(error);
          if (!this.isLeaving) this.#ended.reject(error);
        },
      );
    }
    return this.#joined.promise;
  }

  leave(): Promise<void> {
    this.#leave ??= this.#leaveForGood();
    return this.#leave;
  }

  async stop(): Promise<void> {
    await this.leave();
    await this.#parts.application.close();
  }

  /** From stay to stay, until it leaves for good or is fenced. */
  async #live(): Promise<WorkerEnd> {
    const { presence, logger, options, next } = this.#parts;
    const { signal } = this.#leaving;
    for (;;) {
      const { stay } = this.#state;
      await presence.well(signal);
      this.#state = { kind: "staying", stay };
      const end = await Promise.race([this.#stay(stay), this.#tooLongAway()]);
      if (end !== "away") return end;
      logger.warn({ patienceMs: options.appUnhealthyMs }, "leaving: the application is away for too long");
      const left = stay.leave();
      this.#state = { kind: "leaving", stay, left };
      await left;
      signal.throwIfAborted();
      this.#state = { kind: "waiting", stay: next() };
    }
  }

  async #stay({ member }: Stay): Promise<WorkerEnd> {
    const { logger, options } = this.#parts;
    try {
      await member.start();
    } catch (error) {
      // Whoever made it leave says why.
      if (member.readiness().status === "leaving") return await member.ended;
      throw error;
    }
    logger.info({ member: member.member, membership: options.membership }, "ready");
    this.#joined.resolve();
    return await member.ended;
  }

  /** What an application has loaded for its lanes is gone with it: told of its lanes, it must be told again. */
  async #tooLongAway(): Promise<"away"> {
    const { presence, options } = this.#parts;
    const { appLaneHooks, appUnhealthyMs: unwellMs } = options;
    const patience: Patience = { unwellMs, goneMs: appLaneHooks ? 0 : unwellMs };
    try {
      await presence.awayFor(patience, this.#leaving.signal);
      return "away";
    } catch {
      // It leaves for good; the member's end tells the rest.
      return new Promise<never>(() => {});
    }
  }

  async #leaveForGood(): Promise<void> {
    this.#leaving.abort(stopped());
    const state = this.#state;
    await (state.kind === "leaving" ? state.left : state.stay.leave());
    this.#state = { kind: "left", stay: state.stay };
    this.#ended.resolve({ reason: "stopped" });
    this.#left.resolve();
  }
}

function stopped(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the sidecar was told to leave");
}

function fenced(): ShardcastError {
  return new ShardcastError("SHARDCAST_FENCED", "a newer process has this member's identity");
}
