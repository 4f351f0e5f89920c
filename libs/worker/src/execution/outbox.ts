import type { AppendRecord, LaneProgress } from "@shardcast/log";

/** Whose progress says that a request is done. */
export interface ProgressSource {
  /**
   * Progress to commit, undefined when nothing changed since the last that was confirmed. It counts these offsets as done as
   * well, without taking them for done: whether they are, the commit decides.
   */
  progress(
    also?: ReadonlySet<number>,
  ): { readonly progress: LaneProgress; readonly confirm: () => void } | undefined;
  /** Counts a request as done. */
  complete(offset: number): void;
}

/** What came of one request, to be committed with its progress. */
export interface OutboxItem {
  readonly lane: number;
  readonly offset: number;
  readonly source: ProgressSource;
  readonly records: readonly AppendRecord[];
}

interface Entry {
  readonly item: OutboxItem;
  readonly resolve: () => void;
  readonly stopListening: () => void;
  /** Nobody wants it any more: if it is not in the commit that is under way, it is in none. */
  dropped: boolean;
}

/** Items that one commit has taken. */
export interface OutboxBatch {
  readonly items: readonly OutboxItem[];
}

/**
 * Records that go into the same commit as the progress of the requests they came of, so that either both are on the log or
 * neither is (EOS). A request counts as done when its commit is confirmed, and in no other commit before: another one
 * that succeeds would otherwise say that it is done, without its records (C3).
 */
export class Outbox {
  #waiting: Entry[] = [];
  /** In a commit whose outcome is not known yet. */
  #underWay: readonly Entry[] = [];
  #settled: (() => void)[] = [];
  readonly #onItem: () => void;

  constructor(onItem: () => void) {
    this.#onItem = onItem;
  }

  /** Resolves when the item is on the log; rejects when the signal fires before. */
  async add(item: OutboxItem, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      entry.dropped = true;
      this.#waiting = this.#waiting.filter((each) => each !== entry);
      reject(signal.reason);
    };
    const stopListening = () => signal.removeEventListener("abort", abort);
    const entry: Entry = { item, resolve, stopListening, dropped: false };
    signal.addEventListener("abort", abort, { once: true });
    this.#waiting.push(entry);
    this.#onItem();
    await promise;
  }

  /** What to commit now; undefined when there is nothing. The batch before must be confirmed or given back. */
  take(): OutboxBatch | undefined {
    if (this.#waiting.length === 0) return undefined;
    this.#underWay = this.#waiting;
    this.#waiting = [];
    return { items: this.#underWay.map(({ item }) => item) };
  }

  /** What was taken is on the log: its requests are done. */
  confirm(): void {
    const confirmed = this.#end();
    // All of them before anybody goes on: whoever looks at a lane's progress then sees what was committed.
    for (const { item } of confirmed) item.source.complete(item.offset);
    for (const { resolve, stopListening } of confirmed) {
      stopListening();
      resolve();
    }
    this.#tellSettled();
  }

  /** What was taken is not on the log, and never will be by this commit. */
  giveBack(): void {
    this.#waiting = [...this.#end().filter(({ dropped }) => !dropped), ...this.#waiting];
    this.#tellSettled();
  }

  /**
   * Resolves when no commit is under way that may say that requests of this lane are done. Who goes on with the lane's
   * progress has to wait for it: also for what was dropped meanwhile.
   */
  async settled(lane: number): Promise<void> {
    while (this.#underWay.some(({ item }) => item.lane === lane)) {
      await new Promise<void>((resolve) => this.#settled.push(resolve));
    }
  }

  #end(): readonly Entry[] {
    const ended = this.#underWay;
    this.#underWay = [];
    return ended;
  }

  #tellSettled(): void {
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}
