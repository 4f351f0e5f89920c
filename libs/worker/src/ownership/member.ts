import { setTimeout as sleep } from "node:timers/promises";
import type { Directory } from "@shardcast/control";
import type { AppendRecord, CommitWork, Log, MemberSession } from "@shardcast/log";
import {
  type ControlRecord,
  encodeControl,
  isShardcastError,
  newId,
  ShardcastError,
} from "@shardcast/protocol";
import type { Logger } from "pino";
import type { Lease } from "../execution/lease.ts";

export interface OpenedSession {
  readonly session: MemberSession;
  /** At the latest; nothing of an older session commits since then. Monotonic ms. */
  readonly openedMs: number;
  /** Offset on the control topic below which everything was written before it was opened. */
  readonly since: number;
}

/** Opens a session of a member. */
export async function openMember(
  log: Log,
  { member, group, requests }: { member: string; group: string; requests: string },
  since: number,
): Promise<OpenedSession> {
  const session = await log.openSession({ service: group, member, topic: requests });
  return { session, openedMs: performance.now(), since };
}

export interface MemberOptions {
  readonly log: Log;
  readonly directory: Directory;
  readonly lease: Lease;
  readonly member: string;
  readonly uid: string;
  readonly url: string | undefined;
  /** It takes broadcasts. */
  readonly broadcasts: boolean;
  /** Name of the sessions and of the group that progress is committed under. */
  readonly group: string;
  readonly requests: string;
  readonly control: string;
  /** The first session, opened early. */
  readonly first: Promise<OpenedSession>;
  readonly logger: Logger;
  /** The session holds again after a time without: what was not certain is now told by the directory. */
  readonly onRejoined: () => void;
  /** The planner has fenced this incarnation: its lanes are gone. Resolves when none of their handlers runs any more. */
  readonly onFenced: () => Promise<void>;
  /** It never holds again: a newer process has this member's identity, or the log was closed under it. */
  readonly onOver: (why: "replaced" | "closed") => void;
}

/** Life of a member. What a state needs lives and ends with it. */
type State =
  | { readonly kind: "new" }
  | { readonly kind: "joining"; readonly stopping: AbortController }
  | { readonly kind: "holding"; readonly session: MemberSession }
  | { readonly kind: "rejoining"; readonly stopping: AbortController; readonly done: Promise<void> }
  | { readonly kind: "over" };

/** Why a session that was just opened does not count. */
type Verdict = "mine" | "fenced" | "replaced";

const BEAT_MS = 1_000;
const REJOIN_MIN_MS = 50;
const REJOIN_MAX_MS = 1_000;

/**
 * A member's hold on its name: sessions, the records that tell others who it is, and the lease (decision 010).
 *
 * - M1 It commits only while it holds a session, and a session is over with the first commit that does not succeed.
 * - M2 A session holds only when the topic was read to the record that announces it, and shows no newer incarnation: the
 *   lease is never renewed before.
 * - M3 Before it opens a session again it reads the topic to its end: a zombie finds out without disturbing who came
 *   after it.
 * - M4 An incarnation that was fenced or replaced never holds again. After a fence the member goes on as a new one, when
 *   nothing of the old one runs any more.
 */
export class Member {
  readonly #options: MemberOptions;
  #state: State = { kind: "new" };
  #incarnation = newId();
  /** Offset of the incarnation's first record. */
  #since: number | undefined;
  /** When the incarnations before this one were fenced at the latest, monotonic ms. */
  #fencedAtMs = Number.POSITIVE_INFINITY;
  #first: Promise<OpenedSession> | undefined;
  #lastCommitMs = Number.NEGATIVE_INFINITY;
  #lastBeatMs = Number.NEGATIVE_INFINITY;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#first = options.first;
  }

  get incarnation(): string {
    return this.#incarnation;
  }

  /** It has left, was replaced, or has lost its log. */
  get over(): boolean {
    return this.#state.kind === "over";
  }

  get holding(): boolean {
    return this.#state.kind === "holding";
  }

  /** Every older incarnation's commits fail since this time, monotonic ms. */
  get fencedAtMs(): number {
    return this.#fencedAtMs;
  }

  /** Where this incarnation first spoke: of two of a name the one with the greater is the newer. Undefined before it has. */
  get since(): number | undefined {
    return this.#since;
  }

  /** When the last successful commit was begun, monotonic ms. */
  get lastCommitMs(): number {
    return this.#lastCommitMs;
  }

  /** Opens the first session. Rejects as the log does; then it may be called again. */
  async join(): Promise<"joined" | "replaced"> {
    const stopping = new AbortController();
    this.#state = { kind: "joining", stopping };
    try {
      for (;;) {
        const verdict = await this.#enter(stopping.signal);
        if (verdict === "mine") return "joined";
        if (verdict === "replaced") {
          this.#state = { kind: "over" };
          return "replaced";
        }
        this.#beginAnew();
      }
    } catch (error) {
      if (this.#state.kind === "joining") this.#state = { kind: "new" };
      throw error;
    }
  }

  /**
   * Commits. Resolves to the records' offsets, or to undefined when that did not succeed or there is no session now; the
   * member then joins again by itself and says so. Renews the lease.
   */
  async commit(work: CommitWork): Promise<readonly number[] | undefined> {
    const state = this.#state;
    if (state.kind !== "holding") return undefined; // M1
    const begunMs = performance.now();
    const { session } = state;
    try {
      const outcome = await session.commit(work);
      if (this.#state !== state) return undefined;
      if (outcome.kind === "committed") {
        this.#renewed(begunMs);
        return outcome.offsets;
      }
      const cause = outcome.kind === "broken" ? outcome.cause : "fenced";
      this.#options.logger.debug({ err: cause }, "session is over; joining again");
    } catch (error) {
      if (this.#state !== state) return undefined;
      this.#options.logger.warn({ err: error }, "commit failed; joining again");
    }
    this.#rejoin(session);
    return undefined;
  }

  /** A record of this member's for the control topic. */
  record(control: ControlRecord): AppendRecord {
    return { topic: this.#options.control, partition: 0, ...encodeControl(control) };
  }

  /** Says that it has left, where that is possible, and lets go of the name. Never rejects. */
  async leave(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: "over" };
    switch (state.kind) {
      case "joining":
        state.stopping.abort();
        break;
      case "rejoining":
        state.stopping.abort();
        await state.done;
        break;
      case "holding": {
        const { member } = this.#options;
        const left = this.record({ kind: "member", state: "left", member, incarnation: this.#incarnation });
        try {
          await state.session.commit({ records: [left] });
        } catch (error) {
          this.#options.logger.debug({ err: error }, "could not say that it leaves");
        }
        await state.session.close();
      }
    }
  }

  /** Reads the topic to its end: whether a newer process has this member's identity. @throws as `Directory.sync` */
  async isReplaced(): Promise<boolean> {
    await this.#options.directory.sync();
    return this.#verdict() === "replaced";
  }

  /** What the directory says of this incarnation; called at each change of members. */
  check(): void {
    const verdict = this.#verdict();
    if (verdict === "mine" || this.#state.kind !== "holding") return;
    // M4: known before the next commit would have found out.
    this.#rejoin(this.#state.session);
  }

  /** One try to hold the name: a session, its announcement, and the topic read to there. */
  async #enter(signal: AbortSignal): Promise<Verdict> {
    const { log, directory, lease, member, uid, url, broadcasts, logger } = this.#options;
    const opening = this.#first ?? openMember(log, this.#options, this.#knownUntil());
    this.#first = undefined;
    const { session, openedMs, since } = await opening;
    try {
      signal.throwIfAborted();
      const begunMs = performance.now();
      const announcement = this.record({
        kind: "member",
        state: "up",
        member,
        incarnation: this.#incarnation,
        uid,
        leaseMs: lease.leaseMs,
        ...(url === undefined ? {} : { url }),
        ...(broadcasts ? { broadcasts } : {}),
        ...(this.#since === undefined ? {} : { since: this.#since }),
      });
      const outcome = await session.commit({ records: [announcement] });
      if (outcome.kind === "broken") throw unavailable("could not announce this member", outcome.cause);
      if (outcome.kind === "fenced") {
        // By one that has spoken meanwhile; or by one that has not, a zombie say, which must not win.
        await directory.sync();
        if (this.#knownUntil() <= since) {
          throw unavailable("another session of this member was opened");
        }
        await session.close();
        return "replaced";
      }
      const offset = outcome.offsets[0] as number;
      if (this.#since === undefined) {
        this.#since = offset;
        this.#fencedAtMs = openedMs;
      }
      await directory.reached(offset + 1); // M2
      signal.throwIfAborted();
      const verdict = this.#verdict();
      if (verdict === "mine") {
        this.#state = { kind: "holding", session };
        this.#renewed(begunMs);
        return verdict;
      }
      logger.debug({ verdict }, "the session is another's");
      await session.close();
      return verdict;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Above the first word of the newest incarnation that is known. */
  #knownUntil(): number {
    const { directory, member } = this.#options;
    return (directory.state.member(member)?.since ?? -1) + 1;
  }

  #verdict(): Verdict {
    if (this.#since === undefined) return "mine"; // it has not spoken yet
    const known = this.#options.directory.state.member(this.#options.member);
    if (known === undefined || known.since < this.#since) return "mine"; // what it wrote is still on its way
    if (known.incarnation !== this.#incarnation) return "replaced";
    return known.state === "fenced" ? "fenced" : "mine";
  }

  #rejoin(session: MemberSession): void {
    const stopping = new AbortController();
    const done = this.#joinAgain(session, stopping.signal).catch((error: unknown) => {
      if (!stopping.signal.aborted)
        this.#options.logger.error({ err: error }, "joining again failed for good");
    });
    this.#state = { kind: "rejoining", stopping, done };
  }

  async #joinAgain(session: MemberSession, signal: AbortSignal): Promise<void> {
    const { directory, logger, onRejoined, onFenced, onOver } = this.#options;
    await session.close();
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await directory.sync(); // M3
        let verdict = this.#verdict();
        if (verdict === "mine") verdict = await this.#enter(signal);
        if (signal.aborted) return;
        if (verdict === "mine") {
          onRejoined();
          return;
        }
        if (verdict === "replaced") {
          this.#state = { kind: "over" };
          onOver("replaced");
          return;
        }
        logger.warn("fenced by the planner; going on as a new incarnation");
        await onFenced(); // M4
        this.#beginAnew();
      } catch (error) {
        if (signal.aborted) return;
        if (isShardcastError(error) && error.code === "SHARDCAST_CLOSED") {
          this.#state = { kind: "over" };
          onOver("closed");
          return;
        }
        if (attempt === 1 || (isShardcastError(error) && !error.retryable)) {
          logger.debug({ err: error }, "can not join again yet");
        }
        const longest = Math.min(REJOIN_MAX_MS, REJOIN_MIN_MS * 2 ** Math.min(attempt, 10));
        await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
      }
    }
  }

  #beginAnew(): void {
    this.#incarnation = newId();
    this.#since = undefined;
    this.#fencedAtMs = Number.POSITIVE_INFINITY;
  }

  /** The lease, and what tells others that this member lives: plain, since nothing but liveness rests on it. */
  #renewed(begunMs: number): void {
    const { log, lease, member } = this.#options;
    this.#lastCommitMs = begunMs;
    lease.renewed(begunMs);
    if (begunMs - this.#lastBeatMs < BEAT_MS) return;
    this.#lastBeatMs = begunMs;
    const beat = this.record({ kind: "beat", member, incarnation: this.#incarnation });
    log.append(beat).catch(() => {}); // the next one comes soon
  }
}

function unavailable(detail: string, cause?: unknown): ShardcastError {
  return new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", detail, { cause });
}
