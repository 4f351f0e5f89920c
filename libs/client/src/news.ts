import type { ResultEnvelope } from "@shardcast/protocol";
import type { Results } from "@shardcast/results";
import { type RequestStatus, statusOf } from "./status.ts";

/** News that wait for a slow reader; beyond it the oldest are dropped, never the end (C7). */
const MAX_NEWS = 100;
/** How often a request of which nothing is known is looked for again. */
const LOOK_AGAIN_MS = 5_000;

export interface NextEndOptions {
  readonly waitMs: number;
  readonly signals: readonly AbortSignal[];
}

/** Resolves when the request has ended, when the time is over, or when a signal fires. */
export async function nextEnd(
  results: Results,
  id: string,
  { waitMs, signals }: NextEndOptions,
): Promise<void> {
  const news = new News(results, id, signals);
  const untilMs = Date.now() + waitMs;
  try {
    for (;;) {
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0 || news.over || news.take()?.kind === "ended") return;
      await news.come(leftMs);
    }
  } finally {
    news.stop();
  }
}

export interface StatusEventOptions {
  readonly signals: readonly AbortSignal[];
  /** Rejects when it turns out that there is no such request. */
  readonly stillThere: () => Promise<void>;
}

/** What is known of a request now, and what comes, to its end or until a signal fires. */
export async function* statusEvents(
  results: Results,
  id: string,
  { signals, stillThere }: StatusEventOptions,
): AsyncGenerator<RequestStatus, void, undefined> {
  const news = new News(results, id, signals);
  try {
    let known: ResultEnvelope | undefined = results.get(id);
    yield statusOf(id, known);
    while (known?.kind !== "ended" && !news.over) {
      const next = news.take();
      if (next !== undefined) {
        known = next;
        yield statusOf(id, known);
      } else {
        const came = await news.come(LOOK_AGAIN_MS);
        if (!came && known === undefined && !news.over) await stillThere();
      }
    }
  } finally {
    news.stop();
  }
}

/** What comes of one request, as a queue that its reader waits at. */
class News {
  readonly #queue: ResultEnvelope[] = [];
  readonly #signals: readonly AbortSignal[];
  readonly #unwatch: () => void;
  #wake = () => {};
  readonly #onSignal = () => this.#wake();

  constructor(results: Results, id: string, signals: readonly AbortSignal[]) {
    this.#signals = signals;
    this.#unwatch = results.watch(id, (result) => {
      this.#queue.push(result);
      if (this.#queue.length > MAX_NEWS) this.#queue.shift();
      this.#wake();
    });
    for (const signal of signals) signal.addEventListener("abort", this.#onSignal);
  }

  /** A signal has fired. */
  get over(): boolean {
    return this.#signals.some(({ aborted }) => aborted);
  }

  take(): ResultEnvelope | undefined {
    return this.#queue.shift();
  }

  /** Resolves when the time is over, or a signal has fired, or there is something to take; to whether there is. */
  async come(withinMs: number): Promise<boolean> {
    if (this.#queue.length > 0 || this.over) return this.#queue.length > 0;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, withinMs);
    });
    clearTimeout(timer);
    return this.#queue.length > 0;
  }

  stop(): void {
    this.#unwatch();
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#onSignal);
  }
}
