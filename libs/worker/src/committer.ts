import type { CommitOutcome, MemberSession } from "@shardcast/log";
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

/** Longest time without a commit, milliseconds: an empty one still tells whether the session holds. */
const RENEW_MS = 500;

/** Commits the progress of all lanes together, every so often. Its cost grows with members, not with lanes. */
export class Committer {
  readonly #options: CommitterOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #stopped = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Commits once more and lets go of the lanes; no commit follows. */
  async finish(): Promise<CommitOutcome> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const dirty = this.#dirty();
    return this.#options.session.giveUp(dirty.map(({ progress }) => progress));
  }

  /** Ends without a commit: the session is lost. */
  abandon(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#turn(), this.#options.intervalMs);
  }

  async #turn(): Promise<void> {
    const dirty = this.#dirty();
    const begunMs = performance.now();
    if (dirty.length > 0 || begunMs - this.#lastMs >= RENEW_MS) {
      const outcome = await this.#options.session.commit(dirty.map(({ progress }) => progress));
      if (this.#stopped) return;
      switch (outcome.kind) {
        case "committed":
          this.#lastMs = begunMs;
          for (const { confirm } of dirty) confirm();
          break;
        case "fenced":
          this.#stopped = true;
          this.#options.onFenced();
          return;
        case "unavailable":
          // The driver says once that the log is away; the next turn commits what this one could not.
          this.#options.logger.debug({ err: outcome.cause }, "progress not committed yet");
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
