import type { Log } from "@shardcast/log";
import { CALLBACK_LANES, callbackServiceOf, isShardcastError } from "@shardcast/protocol";
import { createWorker, type Worker } from "@shardcast/worker";
import type { Logger } from "pino";
import { isPublicAddress, type Resolve } from "./addresses.ts";
import { callbackHandler } from "./callback-handler.ts";
import type { CallbackSettings } from "./options.ts";
import { Poster } from "./poster.ts";

export interface CallbacksOptions {
  readonly log: Log;
  /** Whose requests want to be called back. */
  readonly service: string;
  readonly topicPrefix: string;
  readonly settings: CallbackSettings & { readonly callbackSecret: string };
  /** Whether this gateway plans for the service now. */
  readonly isPlanning: () => boolean;
  /** How long a callback that is under way may take to end when others take over. Milliseconds. */
  readonly graceMs: number;
  readonly logger: Logger;
  /** How often `isPlanning` is asked, milliseconds. Default 500. */
  readonly checkMs?: number;
  /** How long it waits after another gateway took over, or it could not begin. Milliseconds, default 5,000. */
  readonly restMs?: number;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "calling"; readonly worker: Worker }
  | { readonly kind: "leaving"; readonly left: Promise<void> }
  /** Another gateway took over, or it could not begin: not at once again. */
  | { readonly kind: "resting"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "closed"; readonly left: Promise<void> };

/** The one member that calls back, whichever gateway it is in: who comes next under its name fences who was before (C2). */
const MEMBER = 0;
/** Callbacks of a lane that are held in memory: those of keys whose receivers are away keep their places. */
const MAX_QUEUED = 10_000;
const MAX_QUEUED_BYTES = 8_000_000;
const CONCURRENCY = 16;
/** What was called since runs again after a crash: each time that is a message somebody gets twice. */
const COMMIT_INTERVAL_MS = 100;

/**
 * The callbacks of one service, called by the gateway that plans for it. A callback is a request to a service of its
 * own, and this its worker: order, attempts, dead letters and take-over are those of every worker.
 */
export class Callbacks {
  readonly #options: CallbacksOptions;
  readonly #poster: Poster;
  readonly #logger: Logger;
  readonly #watch: NodeJS.Timeout;
  #state: State = { kind: "idle" };
  /** Why the last one could not begin; told once. */
  #why: string | undefined;

  constructor(options: CallbacksOptions) {
    const { settings, logger, resolve, checkMs = 500 } = options;
    const { callbackAllowPrivate, callbackTimeoutMs: timeoutMs } = settings;
    const allows = callbackAllowPrivate ? () => true : isPublicAddress;
    this.#options = options;
    this.#poster = new Poster({ timeoutMs, allows, ...(resolve === undefined ? {} : { resolve }) });
    this.#logger = logger.child({ callbacks: options.service });
    this.#watch = setInterval(() => this.#check(), checkMs).unref();
  }

  /** Whether it is this gateway that calls back, is about to, or has not given it back yet. */
  get calling(): boolean {
    return this.#state.kind === "calling" || this.#state.kind === "leaving";
  }

  /**
   * Lets another gateway go on: what is not confirmed by then is called again. To be done before the planning is given up, or
   * the next one begins before all is given back. Idempotent; never rejects.
   */
  close(): Promise<void> {
    const state = this.#state;
    if (state.kind === "closed") return state.left;
    clearInterval(this.#watch);
    if (state.kind === "resting") clearTimeout(state.timer);
    const left = this.#leftFrom(state).then(() => this.#poster.close());
    this.#state = { kind: "closed", left };
    return left;
  }

  #leftFrom(state: State): Promise<void> {
    if (state.kind === "calling") return state.worker.stop();
    return state.kind === "leaving" ? state.left : Promise.resolve();
  }

  #check(): void {
    const state = this.#state;
    const planning = this.#options.isPlanning();
    if (state.kind === "idle" && planning) this.#begin();
    if (state.kind === "calling" && !planning) this.#leave(state.worker);
  }

  #begin(): void {
    const worker = this.#worker();
    this.#state = { kind: "calling", worker };
    worker.start().then(
      () => {
        this.#why = undefined;
      },
      (error) => this.#failed(worker, error),
    );
    void worker.ended.then(() => this.#rest(worker));
  }

  #worker(): Worker {
    const { log, service, topicPrefix, settings, graceMs } = this.#options;
    return createWorker(
      {
        log,
        service: callbackServiceOf(service),
        topicPrefix,
        member: MEMBER,
        replicas: 1,
        lanes: CALLBACK_LANES,
        defaultHandler: callbackHandler({ poster: this.#poster, settings }),
        maxAttempts: settings.callbackMaxAttempts,
        retryMinMs: settings.callbackRetryMinMs,
        retryMaxMs: Math.max(settings.callbackRetryMinMs, settings.callbackRetryMaxMs),
        concurrency: CONCURRENCY,
        maxQueued: MAX_QUEUED,
        maxQueuedBytes: MAX_QUEUED_BYTES,
        commitIntervalMs: COMMIT_INTERVAL_MS,
        graceMs,
        logger: this.#logger,
      },
      // The environment is the gateway's: what it says to workers is not meant for this one.
      {},
    );
  }

  #leave(worker: Worker): void {
    const left = worker.stop().then(() => {
      if (this.#state.kind === "leaving") this.#state = { kind: "idle" };
    });
    this.#state = { kind: "leaving", left };
  }

  #failed(worker: Worker, error: unknown): void {
    if (!this.#isCallingWith(worker)) return;
    const why = isShardcastError(error) ? error.code : "SHARDCAST_INTERNAL";
    // When the reason changes, not at every attempt.
    if (why !== this.#why) this.#logger.warn({ err: error }, "nobody is called back yet; trying on");
    this.#why = why;
    // Its end comes next, and with it the rest.
    void worker.stop();
  }

  #rest(worker: Worker): void {
    if (!this.#isCallingWith(worker)) return;
    const { restMs = 5_000 } = this.#options;
    const timer = setTimeout(() => {
      this.#state = { kind: "idle" };
    }, restMs).unref();
    this.#state = { kind: "resting", timer };
  }

  #isCallingWith(worker: Worker): boolean {
    return this.#state.kind === "calling" && this.#state.worker === worker;
  }
}
