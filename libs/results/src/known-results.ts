import type { ResultEnvelope } from "@shardcast/protocol";
import type { EndedStore } from "./ended-store.ts";
import { replaces } from "./fold.ts";
import { OpenStates } from "./open-states.ts";
import type { ResultListener } from "./results.ts";

const MAX_OPEN_STATES = 100_000;

/** Everything that is known, folded, and who listens to it. */
export class KnownResults {
  readonly #ended: EndedStore;
  readonly #open = new OpenStates(MAX_OPEN_STATES);
  readonly #retentionMs: number;
  readonly #listeners = new Map<string, Set<ResultListener>>();

  constructor(ended: EndedStore, retentionMs: number) {
    this.#ended = ended;
    this.#retentionMs = retentionMs;
  }

  get size(): number {
    return this.#ended.size + this.#open.size;
  }

  get(id: string): ResultEnvelope | undefined {
    const found = this.#open.get(id) ?? this.#ended.get(id);
    return found === undefined || this.#isOver(found) ? undefined : found;
  }

  take(news: ResultEnvelope): void {
    if (this.#isOver(news)) return;
    const { id } = news;
    const known = this.#open.get(id) ?? this.#ended.get(id);
    if (known !== undefined && !this.#isOver(known) && !replaces(news, known)) return;
    if (news.kind === "ended") {
      this.#open.delete(id);
      this.#ended.put(news);
    } else {
      this.#open.put(news);
    }
    for (const listener of [...(this.#listeners.get(id) ?? [])]) listener(news);
  }

  watch(id: string, listener: ResultListener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      if (listeners.delete(listener) && listeners.size === 0) this.#listeners.delete(id);
    };
  }

  /** Drops what is over; at most so many ends. Resolves to how many it looked at. */
  dropOld(most: number): Promise<number> {
    const beforeMs = Date.now() - this.#retentionMs;
    this.#open.dropBefore(beforeMs);
    return this.#ended.dropBefore(beforeMs, most);
  }

  #isOver({ atMs }: ResultEnvelope): boolean {
    return atMs < Date.now() - this.#retentionMs;
  }
}
