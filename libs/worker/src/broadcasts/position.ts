import type { LaneProgress, Log, MemberSession } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";

/** Everything below the offset is done, and what the metadata names above it. */
export interface Done {
  readonly offset: number;
  readonly metadata: string;
}

export interface PositionOptions {
  readonly log: Log;
  /** Name of the session, and of the group that the position is committed under. */
  readonly group: string;
  readonly member: string;
  readonly topic: string;
  /** Reads `S.control` to its end: whether a newer process has this member's identity. */
  readonly isReplaced: () => Promise<boolean>;
  readonly intervalMs: number;
  readonly logger: Logger;
}

/**
 * Committed again after so long, milliseconds: Kafka forgets what a group without members committed longer ago than
 * `offsets.retention.minutes`, 7 days by default.
 */
const REFRESH_MS = 6 * 3_600_000;

/**
 * How far a durable member is on `S.broadcast`, committed in sessions of its own.
 *
 * - B1 It commits only in a session that was opened before `S.control` was read to its end and showed no newer process: one
 *   that was replaced can not move the position, nor end the session of who replaced it for good.
 * - B2 What is committed is done, and said: what was not committed is repeated (C6).
 */
export class Position {
  readonly #options: PositionOptions;
  #session: MemberSession | undefined;
  #committed: string | undefined;
  #committing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  readonly #refresh: NodeJS.Timeout;
  #closed = false;
  #done: () => Done | undefined = () => undefined;

  constructor(options: PositionOptions) {
    this.#options = options;
    this.#refresh = setInterval(() => {
      this.#committed = undefined;
      this.changed();
    }, REFRESH_MS).unref();
  }

  /** Opens the first session, and tells what was committed last. @throws what the log throws; SHARDCAST_FENCED when it was replaced */
  async open(): Promise<LaneProgress | undefined> {
    const { log, group, topic } = this.#options;
    this.#session ??= await this.#open();
    const found = (await log.progressOf(group, topic)).get(0);
    this.#committed = found && textOf(found);
    return found;
  }

  /** From here on it commits what this says is done; undefined while there is nothing to commit. */
  follow(done: () => Done | undefined): void {
    this.#done = done;
    this.changed();
  }

  /** There may be something to commit: it is, soon. */
  changed(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => void this.#turn(), this.#options.intervalMs);
  }

  /** Commits what there is a last time, if the log takes it, and lets go of the name. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#refresh);
    await this.#committing;
    await this.#commit().catch((error: unknown) => {
      this.#options.logger.debug({ err: error }, "last position not committed");
    });
    await this.#session?.close();
  }

  /** Lets go of the name as it is. */
  abandon(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#refresh);
    void this.#committing.then(() => this.#session?.close());
  }

  async #turn(): Promise<void> {
    this.#committing = this.#commit().catch((error: unknown) => {
      this.#options.logger.debug({ err: error }, "position not committed; trying on");
    });
    await this.#committing;
    this.#timer = undefined;
    if (this.#pending() !== undefined) this.changed();
  }

  async #commit(): Promise<void> {
    const progress = this.#pending();
    if (progress === undefined) return;
    this.#session ??= await this.#reopen();
    const outcome = await this.#session.commit({ progress: [{ lane: 0, ...progress }] });
    if (outcome.kind === "committed") {
      this.#committed = textOf(progress);
      return;
    }
    const over = this.#session;
    this.#session = undefined;
    await over.close();
    if (outcome.kind === "broken") throw outcome.cause;
  }

  #pending(): Done | undefined {
    const progress = this.#done();
    return progress === undefined || textOf(progress) === this.#committed ? undefined : progress;
  }

  /** A process that was replaced finds out without disturbing who came after it. */
  async #reopen(): Promise<MemberSession> {
    if (await this.#options.isReplaced()) throw replaced();
    return this.#open();
  }

  async #open(): Promise<MemberSession> {
    const { log, group, member, topic, isReplaced } = this.#options;
    const session = await log.openSession({ service: group, member, topic });
    try {
      if (await isReplaced()) throw replaced(); // B1
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }
}

function textOf({ offset, metadata }: Done): string {
  return `${offset}:${metadata}`;
}

function replaced(): ShardcastError {
  return new ShardcastError("SHARDCAST_FENCED", "a newer process has this member's identity");
}
