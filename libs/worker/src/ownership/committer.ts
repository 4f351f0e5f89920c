import type { LaneProgress, Log } from "@shardcast/log";
import type { Logger } from "pino";
import type { Outbox, OutboxBatch, ProgressSource } from "../execution/outbox.ts";
import type { HeldLane } from "./held-lane.ts";
import type { Member } from "./member.ts";

export interface CommitterOptions {
  readonly log: Log;
  readonly member: Member;
  /** The lanes that are held now. */
  readonly lanes: () => Iterable<HeldLane>;
  /** What is committed together with the progress. */
  readonly outbox: Outbox;
  readonly group: string;
  readonly requests: string;
  /** How often progress is committed. */
  readonly intervalMs: number;
  /** The lease is renewed after so long without a commit. */
  readonly renewMs: number;
  readonly logger: Logger;
}

/**
 * Everything is committed again after so long, milliseconds: Kafka forgets what a group without members committed longer ago
 * than `offsets.retention.minutes`, 7 days by default, and a lane that was idle for that time would begin anew.
 */
const REFRESH_MS = 6 * 3_600_000;

/** A commit that may or may not be on the log. */
interface Doubt {
  readonly batch: OutboxBatch;
  readonly progress: readonly LaneProgress[];
}

/** Commits the progress of all lanes together, every so often. Its cost grows with members, not with lanes. */
export class Committer {
  readonly #options: CommitterOptions;
  #timer: NodeJS.Timeout | undefined;
  #turning = false;
  #again = false;
  #stopped = false;
  #refreshedMs = performance.now();
  /** Only of a commit that carried more than progress: its outcome is cleared up before the next (EOS). */
  #doubt: Doubt | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Commits soon: somebody waits for it. */
  nudge(): void {
    if (this.#turning) this.#again = true;
    else if (!this.#stopped) void this.#turn();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#turn(), this.#options.intervalMs);
  }

  async #turn(): Promise<void> {
    clearTimeout(this.#timer);
    this.#turning = true;
    try {
      do {
        this.#again = false;
        await this.#commit();
      } while (this.#again && this.#options.member.holding && !this.#stopped);
    } catch (error) {
      this.#options.logger.error({ err: error }, "progress not committed; trying on");
    } finally {
      this.#turning = false;
      this.#schedule();
    }
  }

  async #commit(): Promise<void> {
    const { member, outbox, renewMs } = this.#options;
    if (!member.holding || !(await this.#clearedUp())) return;
    const batch = outbox.take();
    this.#refresh();
    const dirty = this.#dirty(batch);
    const isIdle = dirty.length === 0 && batch === undefined;
    if (isIdle && performance.now() - member.lastCommitMs < renewMs) return;
    const progress = dirty.map((each) => each.progress);
    const records = batch?.items.flatMap((item) => item.records) ?? [];
    const offsets = await member.commit({ progress, records });
    if (offsets === undefined) {
      if (batch !== undefined) this.#doubt = { batch, progress };
      return;
    }
    for (const { confirm } of dirty) confirm();
    if (batch !== undefined) outbox.confirm();
  }

  /** What has changed of the lanes, and will have by the batch. */
  #dirty(batch: OutboxBatch | undefined): NonNullable<ReturnType<ProgressSource["progress"]>>[] {
    const sources = new Map<ProgressSource, Set<number> | undefined>();
    for (const { state, execution } of this.#options.lanes()) {
      // Not those on their way out: behind their release, the next owner's progress must not be overwritten (C10).
      if (state !== "releasing") sources.set(execution, undefined);
    }
    // Also of lanes that are not held just now, and may be again: what ended there is recorded all the same.
    for (const { source, offset } of batch?.items ?? []) {
      const offsets = sources.get(source) ?? new Set();
      sources.set(source, offsets.add(offset));
    }
    return [...sources].map(([source, also]) => source.progress(also)).filter((each) => each !== undefined);
  }

  #refresh(): void {
    const nowMs = performance.now();
    if (nowMs - this.#refreshedMs < REFRESH_MS) return;
    this.#refreshedMs = nowMs;
    for (const { execution } of this.#options.lanes()) execution.recommit();
  }

  /** Whether what the last commit put on the log is known. The session opened since has settled it. */
  async #clearedUp(): Promise<boolean> {
    const doubt = this.#doubt;
    if (doubt === undefined) return true;
    const { log, group, requests, outbox, member, logger } = this.#options;
    try {
      const committed = await log.progressOf(group, requests);
      if (!member.holding) return false;
      this.#doubt = undefined;
      // All or nothing, and each item moved its lane on: one lane tells of all.
      const moved = new Set(doubt.batch.items.map(({ lane }) => lane));
      const isOnLog = ({ lane, offset, metadata }: LaneProgress) => {
        const found = committed.get(lane);
        return moved.has(lane) && found?.offset === offset && found.metadata === metadata;
      };
      if (doubt.progress.some(isOnLog)) outbox.confirm();
      else outbox.giveBack();
      return true;
    } catch (error) {
      logger.debug({ err: error }, "can not tell yet what was committed last");
      return false;
    }
  }
}
