import type { AppendRecord } from "@shardcast/log";

/** What came of one request, to be committed with its progress. */
export interface OutboxItem {
  readonly lane: number;
  readonly records: readonly AppendRecord[];
  /** Counts the request as done in the lane's progress: called when its records are put into a commit. */
  readonly include: () => void;
  /** It is on the log. */
  readonly committed: () => void;
}

/**
 * Records that go into the same commit as the progress of the requests they came of, so that either both are on the log or
 * neither is (EOS). Those of a commit that failed stay, and go into the next.
 */
export class Outbox {
  #waiting: OutboxItem[] = [];
  readonly #onItem: () => void;

  constructor(onItem: () => void) {
    this.#onItem = onItem;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Resolves when the item is on the log; rejects when the signal fires before, and then it will not be. */
  async add(item: Omit<OutboxItem, "committed">, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      this.#waiting = this.#waiting.filter((each) => each !== entry);
      reject(signal.reason);
    };
    const entry: OutboxItem = {
      ...item,
      committed: () => {
        signal.removeEventListener("abort", abort);
        resolve();
      },
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#waiting.push(entry);
    this.#onItem();
    await promise;
  }

  /** What to commit now. It stays here until {@link confirm}. */
  peek(): readonly OutboxItem[] {
    return [...this.#waiting];
  }

  /** These are on the log. */
  confirm(items: readonly OutboxItem[]): void {
    const gone = new Set(items);
    this.#waiting = this.#waiting.filter((each) => !gone.has(each));
    for (const { committed } of items) committed();
  }
}
