import type { Log } from "@shardcast/log";
import type { WorkerEnd } from "@shardcast/worker";
import type { Logger } from "pino";
import { Application } from "./app/application.ts";
import { waitForApp } from "./app/wait-for-app.ts";
import type { Phase } from "./health.ts";
import { createMember, type Environment, type Member } from "./member.ts";
import type { SidecarOptions } from "./options.ts";
import { broadcastRelay } from "./relay/broadcast-relay.ts";

/** A member that brings to an application beside it what it gets. */
export interface Sidecar {
  readonly phase: Phase;
  /** Waits for the application, then joins. Rejects when stopped meanwhile, and as the member's `start`. */
  start(): Promise<void>;
  /** Takes nothing new, lets what runs finish within the grace time, then lets go of the application. The log stays open. */
  stop(): Promise<void>;
  readonly ended: Promise<WorkerEnd>;
}

/** @throws {ShardcastError} SHARDCAST_INVALID_CONFIG naming every variable of the member at fault */
export function createSidecar(log: Log, logger: Logger, options: SidecarOptions, env: Environment): Sidecar {
  const { appUrl: url, appTimeoutMs: timeoutMs, maxReplyBytes } = options;
  const application = new Application({ url, timeoutMs, maxReplyBytes });
  const relay = broadcastRelay(application, options);
  return new MemberSidecar(application, createMember({ log, logger, options, relay }, env), logger, options);
}

class MemberSidecar implements Sidecar {
  readonly #application: Application;
  readonly #member: Member;
  readonly #logger: Logger;
  readonly #options: SidecarOptions;
  readonly #stopping = new AbortController();
  #phase: Exclude<Phase, "stopping"> = "waiting for the application";

  constructor(application: Application, member: Member, logger: Logger, options: SidecarOptions) {
    this.#application = application;
    this.#member = member;
    this.#logger = logger;
    this.#options = options;
  }

  get phase(): Phase {
    return this.#stopping.signal.aborted ? "stopping" : this.#phase;
  }

  get ended(): Promise<WorkerEnd> {
    return this.#member.ended;
  }

  async start(): Promise<void> {
    const { signal } = this.#stopping;
    const { appHealthUrl: healthUrl, appHealthIntervalMs: intervalMs, membership } = this.#options;
    if (healthUrl !== undefined) {
      await waitForApp(this.#application, { healthUrl, intervalMs, logger: this.#logger, signal });
    }
    signal.throwIfAborted();
    this.#phase = "joining";
    await this.#member.start();
    this.#phase = "ready";
    this.#logger.info({ member: this.#member.member, membership }, "broadcasts are relayed");
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#member.stop();
    await this.#application.close();
  }
}
