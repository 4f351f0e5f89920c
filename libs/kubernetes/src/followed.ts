import type { Logger } from "pino";
import { ApiFault } from "./api-fault.ts";
import type { Cluster } from "./cluster.ts";
import { linesOf } from "./lines.ts";
import { listAll } from "./list-all.ts";
import { parseEvent, type Resource } from "./resource.ts";
import type { Selection } from "./selection.ts";

/** Of the times, milliseconds. */
export interface FollowTimes {
  /** How long one watch may last; the API server ends it then. Rounded up to whole seconds. Default 30,000. */
  readonly watchMs: number;
  /** How much longer than that nothing may be heard before the connection counts as dead. Default 5,000. */
  readonly slackMs: number;
  /** How long a page of a list may be silent. Default 10,000. */
  readonly listMs: number;
  /** First wait after something went wrong; doubled each time, up to half of it left out at random. Default 200. */
  readonly retryMinMs: number;
  /** Longest such wait. Default 10,000. */
  readonly retryMaxMs: number;
}

const TIMES: FollowTimes = {
  ...{ watchMs: 30_000, slackMs: 5_000, listMs: 10_000 },
  ...{ retryMinMs: 200, retryMaxMs: 10_000 },
};
/** A watch that lasted so long was none that fails at once. */
const LASTING_MS = 1_000;
const HTTP_GONE = 410;

export interface FollowOptions<Raw extends Resource, T> {
  readonly cluster: Cluster;
  /** Of the collection: `/apis/apps/v1/namespaces/bank/statefulsets`. */
  readonly path: string;
  readonly query: Selection;
  /** What is kept of an object. The rest is forgotten at once: of 2,000 pods it is most of the memory. */
  readonly trim: (object: Raw) => T;
  readonly logger: Logger;
  /** Told of all objects by name, when they were read and whenever one may have changed. The map is ours, and goes on changing. */
  readonly onChange: (items: ReadonlyMap<string, T>) => void;
  readonly times?: Partial<FollowTimes>;
}

interface Asking {
  readonly kind: "asking";
  readonly request: AbortController;
  /** Ends the request when nothing is heard of it. */
  readonly silence: NodeJS.Timeout;
}

type State =
  | Asking
  | { readonly kind: "waiting"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "closed" };

/**
 * Objects of the API, listed and then watched. Whatever ends a watch but its time (a fault, silence, a line that makes no
 * sense, 410), the objects are listed anew: what happened meanwhile is in the list. Tried for ever.
 */
export class Followed<Raw extends Resource, T> {
  readonly #options: FollowOptions<Raw, T>;
  readonly #times: FollowTimes;
  #state: State;
  #items = new Map<string, T>();
  #heardAt: number | undefined;
  /** Tries since something last worked. */
  #tries = 0;
  /** What is wrong, and said. */
  #fault: string | undefined;

  constructor(options: FollowOptions<Raw, T>) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    this.#state = this.#ask(undefined);
  }

  /** Milliseconds since the API server last said something; undefined when it never has. */
  get silentMs(): number | undefined {
    return this.#heardAt === undefined ? undefined : performance.now() - this.#heardAt;
  }

  /** Asks and tells nothing more. */
  close(): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind === "waiting") clearTimeout(state.timer);
    if (state.kind !== "asking") return;
    clearTimeout(state.silence);
    state.request.abort();
  }

  /** @param version what to watch from; without one, all is listed */
  #ask(version: string | undefined): Asking {
    const { watchMs, slackMs, listMs } = this.#times;
    const limitMs = version === undefined ? listMs : watchMs + slackMs;
    const request = new AbortController();
    const silence = setTimeout(() => {
      request.abort(new Error(`the API server said nothing for ${limitMs} ms`));
    }, limitMs);
    silence.unref();
    const state: Asking = { kind: "asking", request, silence };
    // Not before whoever called has taken the state over.
    queueMicrotask(() => void this.#carryOut(state, version));
    return state;
  }

  async #carryOut(state: Asking, version: string | undefined): Promise<void> {
    try {
      const next = version === undefined ? await this.#list(state) : await this.#watch(state, version);
      if (!this.#ended(state)) return;
      this.#state = version === undefined ? this.#ask(next) : this.#wait(next);
    } catch (error) {
      if (!this.#ended(state)) return;
      this.#failed(error);
      this.#state = this.#wait(undefined);
    }
  }

  async #list({ request, silence }: Asking): Promise<string> {
    const { cluster, path, query, trim } = this.#options;
    const ask = async (page: Readonly<Record<string, string>>) =>
      this.#hearing(await cluster.get(path, { ...query, ...page }, request.signal), silence);
    const { version, items } = await listAll(ask, trim);
    request.signal.throwIfAborted();
    this.#items = items;
    this.#options.onChange(this.#items);
    return version;
  }

  /** Resolves with the version to go on from, when the API server has ended the watch in good order. */
  async #watch({ request, silence }: Asking, from: string): Promise<string> {
    const { cluster, path, query, trim } = this.#options;
    const { signal } = request;
    const begun = performance.now();
    const timeoutSeconds = String(Math.ceil(this.#times.watchMs / 1_000));
    const watch = { timeoutSeconds, watch: "1", allowWatchBookmarks: "true", resourceVersion: from };
    const bytes = await cluster.get(path, { ...query, ...watch }, signal);
    // That it agrees is heard as well: where nothing changes it may say nothing more.
    this.#heardAt = performance.now();
    this.#follows();
    let version = from;
    for await (const line of linesOf(this.#hearing(bytes, silence))) {
      signal.throwIfAborted();
      const event = parseEvent<Raw>(line);
      this.#tries = 0;
      version = event.version;
      if (event.kind === "bookmark") continue;
      if (event.kind === "deleted") this.#items.delete(event.item.metadata.name);
      else this.#items.set(event.item.metadata.name, trim(event.item));
      this.#options.onChange(this.#items);
    }
    if (performance.now() - begun >= LASTING_MS) this.#tries = 0;
    return version;
  }

  async *#hearing(bytes: AsyncIterable<Buffer>, silence: NodeJS.Timeout): AsyncGenerator<Buffer> {
    for await (const chunk of bytes) {
      this.#heardAt = performance.now();
      silence.refresh();
      yield chunk;
    }
  }

  /** False when it was closed meanwhile. */
  #ended(state: Asking): boolean {
    clearTimeout(state.silence);
    return this.#state === state;
  }

  /** Before the next question; without a version it is the list. */
  #wait(version: string | undefined): State {
    const { retryMinMs, retryMaxMs } = this.#times;
    const longest = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#tries++, 20));
    const timer = setTimeout(
      () => {
        this.#state = this.#ask(version);
      },
      longest * (1 - Math.random() / 2),
    );
    timer.unref();
    return { kind: "waiting", timer };
  }

  #follows(): void {
    const { logger, path, query } = this.#options;
    if (this.#fault !== undefined) logger.info({ path, query }, "following the Kubernetes API again");
    this.#fault = undefined;
  }

  #failed(error: unknown): void {
    const { logger, path, query } = this.#options;
    // In the nature of a watch: its version was too old.
    if (error instanceof ApiFault && error.status === HTTP_GONE) return;
    const fault = String(error);
    const about = { err: error, path, query, silentMs: this.silentMs };
    // When the reason changes, not at every attempt.
    if (fault !== this.#fault) logger.warn(about, "can not follow the Kubernetes API; trying on");
    this.#fault = fault;
  }
}
