import type { CommitOutcome, LaneProgress, MemberSession } from "@shardcast/log";
import type { Logger } from "pino";
import type { Lane } from "./lane.ts";

export interface CommitterOptions {
  readonly session: MemberSession;
  readonly lanes: ReadonlyMap<number, Lane>;
  readonly intervalMs: number;
  readonly logger: Logger;
  /** A newer session of this member exists (C2). */
  readonly onFenced: () => void;
}

/**
 * After this long without a commit, milliseconds, the next turn commits even nothing: that still tells whether the session
 * holds. Turns come every `intervalMs`, so a longer interval also means a later notice of being fenced.
 */
const RENEW_MS = 500;

/** Commits the progress of all lanes together, every so often. Its cost grows with members, not with lanes. */
export class Committer {
  readonly #options: CommitterOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #state: "turning" | "finished" | "fenced" = "turning";

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Commits once more, unless fenced, and lets go of the lanes; no commit follows. */
  async finish(): Promise<CommitOutcome> {
    clearTimeout(this.#timer);
    if (this.#state === "fenced") return { kind: "fenced" };
    this.#state = "finished";
    const { session, lanes } = this.#options;
    return outcomeOf(() => session.giveUp([...lanes.values()].map((lane) => lane.snapshot())));
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#turn(), this.#options.intervalMs);
  }

  async #turn(): Promise<void> {
    const { session, logger, onFenced } = this.#options;
    const dirty = this.#dirty();
    const begunMs = performance.now();
    if (dirty.length > 0 || begunMs - this.#lastMs >= RENEW_MS) {
      const progress: readonly LaneProgress[] = dirty.map(({ progress }) => progress);
      const outcome = await outcomeOf(() => session.commit(progress));
      if (this.#state !== "turning") return;
      switch (outcome.kind) {
        case "committed":
          this.#lastMs = begunMs;
          for (const { confirm } of dirty) confirm();
          break;
        case "fenced":
          this.#state = "fenced";
          onFenced();
          return;
        case "unavailable":
          // The driver says once that the log is away; the next turn commits what this one could not.
          logger.debug({ err: outcome.cause }, "progress not committed yet");
          break;
      }
    }
    this.#schedule();
  }

  #dirty() {
    return [...this.#options.lanes.values()]
      .map((lane) => lane.progress())
      .filter((each) => each !== undefined);
  }
}

/** A commit that throws (its log was closed, say) is one not known to be committed; it must not end the process. */
async function outcomeOf(commit: () => Promise<CommitOutcome>): Promise<CommitOutcome> {
  try {
    return await commit();
  } catch (cause) {
    return { kind: "unavailable", cause };
  }
}
