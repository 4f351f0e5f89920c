import { randomUUID } from "node:crypto";
import type { Log, MemberSession } from "@shardcast/log";
import { encodeControl, groupOf, topicsOf } from "@shardcast/protocol";
import type { Logger } from "pino";
import { Candidacy } from "./candidacy.ts";
import type { Directory } from "./directory.ts";
import { orAborted } from "./monotonic.ts";
import type { PlannerScope } from "./planner-scope.ts";
import type { ReplicaSource } from "./replica-source.ts";
import { Term, type TermEnd } from "./term.ts";

export interface PlannerOptions {
  readonly log: Log;
  /** Open, and the caller's: it is closed after the planner. */
  readonly directory: Directory;
  readonly service: string;
  readonly topicPrefix?: string;
  /** P, the number of lanes. */
  readonly lanes: number;
  readonly replicas: ReplicaSource;
  /** The lanes of a member that is silent for so long are moved. Default 10,000. */
  readonly reassignAfterMs?: number;
  /** Ephemeral members that are silent for so long are forgotten. Default 600,000. */
  readonly forgetAfterMs?: number;
  /** Lease of members that say nothing else. Default 1,500. */
  readonly leaseMs?: number;
  /** A planner that is silent for so long is replaced. Default 3,000. */
  readonly plannerSilentMs?: number;
  /** This process. Default a random UUID. */
  readonly holder?: string;
  readonly logger?: Logger;
}

export interface Planner {
  /** Whether it is this process that plans. */
  readonly planning: boolean;
  /** Leaves in order and stops. Idempotent; takes a few seconds at most when the log is away. Never rejects. */
  close(): Promise<void>;
}

type Life =
  | { readonly kind: "candidate"; readonly candidacy: Candidacy }
  | { readonly kind: "taking over"; readonly giveUp: AbortController }
  | { readonly kind: "planning"; readonly term: Term; readonly sinceMs: number }
  | { readonly kind: "closed"; readonly left: Promise<void> };

/** Whose session it is that plans; no member is called that. */
const PLANNER = "@planner";
const MAX_BEAT_MS = 1_000;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;

/**
 * Takes part in planning for a service: of all processes that do, one plans, and the others wait for its silence.
 *
 * - P1 Maps are written in the session named `@planner`, so two can not write them side by side.
 * - P2 A term is over with the first sign that the session is another's, or broken; nothing is written in it any more.
 * - P3 A member's silence counts only while the planner's own beats come back: an outage kills nobody.
 * - P4 Lanes are taken from a silent member only when the map that gives them to others is on the log.
 * - P5 A member is fenced once at a time, and as soon as it speaks no further; one that came back meanwhile has `reassignAfterMs` to
 *   say so before it is fenced again.
 * - P6 Whatever ends a term, its timers and fences end with it; nothing rejects unhandled.
 */
export function startPlanner(options: PlannerOptions): Planner {
  return new LogPlanner(options);
}

class LogPlanner implements Planner {
  readonly #scope: PlannerScope;
  #failures = 0;
  #life: Life;

  constructor(options: PlannerOptions) {
    const { service, topicPrefix = "", lanes, logger } = options;
    const { reassignAfterMs = 10_000, plannerSilentMs = 3_000, leaseMs = 1_500 } = options;
    const { holder = randomUUID(), forgetAfterMs = 600_000 } = options;
    this.#scope = {
      ...options,
      ...{ topicPrefix, reassignAfterMs, forgetAfterMs, plannerSilentMs, leaseMs, holder },
      topics: topicsOf(service, { lanes, prefix: topicPrefix }),
      // Several beats within the shortest silence that counts.
      beatMs: Math.min(MAX_BEAT_MS, reassignAfterMs / 10, plannerSilentMs / 3),
      logger: logger?.child({ service, holder }),
    };
    this.#life = this.#candidate();
  }

  get planning(): boolean {
    return this.#life.kind === "planning";
  }

  close(): Promise<void> {
    const life = this.#life;
    if (life.kind === "closed") return life.left;
    if (life.kind === "candidate") life.candidacy.end();
    if (life.kind === "taking over") life.giveUp.abort();
    const left = life.kind === "planning" ? life.term.resign() : Promise.resolve();
    this.#life = { kind: "closed", left };
    return left;
  }

  #candidate(): Life {
    const { log, directory, holder, plannerSilentMs } = this.#scope;
    const delayMs =
      this.#failures === 0 ? 0 : Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(this.#failures, 10));
    const onVacant = () => void this.#takeOver();
    return {
      kind: "candidate",
      candidacy: new Candidacy({ log, directory, holder, plannerSilentMs, delayMs, onVacant }),
    };
  }

  async #takeOver(): Promise<void> {
    const giveUp = new AbortController();
    const { signal } = giveUp;
    this.#life = { kind: "taking over", giveUp };
    const { directory, holder, logger } = this.#scope;
    const session = await this.#open(signal);
    if (session !== undefined && !signal.aborted && directory.state.planner === holder) {
      this.#life = { kind: "planning", term: this.#term(session), sinceMs: performance.now() };
      logger?.info("planning");
      return;
    }
    void session?.close().catch(() => undefined);
    if (signal.aborted) return;
    this.#failures++;
    this.#life = this.#candidate();
  }

  /** A session in which this process's `up` is written and read back; undefined when it did not come to that. */
  async #open(signal: AbortSignal): Promise<MemberSession | undefined> {
    const { log, directory, service, topicPrefix, topics, holder, logger } = this.#scope;
    let session: MemberSession | undefined;
    try {
      session = await log.openSession({
        service: groupOf(service, topicPrefix),
        member: PLANNER,
        topic: topics.requests.name,
      });
      if (signal.aborted) return session;
      const up = encodeControl({ kind: "planner", state: "up", holder });
      const record = { topic: topics.control.name, partition: 0, ...up };
      const outcome = await session.commit({ records: [record] });
      // What the planner before wrote comes before it, so it is known when this was read.
      if (outcome.kind === "committed")
        await orAborted(directory.reached((outcome.offsets[0] ?? -1) + 1), signal);
      if (outcome.kind === "committed") return session;
      logger?.debug({ outcome: outcome.kind }, "did not become the planner");
    } catch (error) {
      if (!signal.aborted) logger?.debug({ err: error }, "did not become the planner");
    }
    void session?.close().catch(() => undefined);
    return undefined;
  }

  #term(session: MemberSession): Term {
    return new Term({ ...this.#scope, session, onEnd: (why) => this.#onTermEnd(why) });
  }

  #onTermEnd(why: TermEnd): void {
    if (this.#life.kind !== "planning") return;
    this.#scope.logger?.info({ why }, "no longer planning");
    const lasted = performance.now() - this.#life.sinceMs > RETRY_MAX_MS;
    this.#failures = lasted ? 0 : this.#failures + 1;
    this.#life = this.#candidate();
  }
}
