import { Coalesced, type Log } from "@shardcast/log";
import { groupOf } from "@shardcast/protocol";
import type { Route } from "./routes.ts";

/** How far a service's lanes are. */
interface Standing {
  /** Where each lane ended. */
  readonly ends: readonly number[];
  /** Everything below this is done, by lane; read after the ends. */
  readonly done: readonly number[];
}

interface Asked {
  readonly end: number;
  readonly untilMs: number;
}

/** Ids that are remembered, the oldest forgotten beyond it (C7). */
const MAX_ASKED = 10_000;
/** Short: a delayed request may be put behind the end of its lane once more, and then that end says nothing of it. */
const REMEMBER_MS = 60_000;

/**
 * Whether a request of which nothing is recorded may still be on its lane (decision 012). It may while anything is not done
 * that was on the lane when it was asked for first: on a lane that is never empty, that is what can be told later.
 */
export class Lookups {
  readonly #log: Log;
  readonly #prefix: string;
  readonly #standings = new Map<string, Coalesced<Standing>>();
  readonly #asked = new Map<string, Asked>();

  constructor(log: Log, prefix: string) {
    this.#log = log;
    this.#prefix = prefix;
  }

  /** @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED */
  async mayCome(route: Route, lane: number, id: string): Promise<boolean> {
    const { ends, done } = await this.#standingOf(route).ask();
    const name = `${route.service}/${id}`;
    const asked = this.#asked.get(name);
    const nowMs = Date.now();
    const first =
      asked !== undefined && asked.untilMs > nowMs
        ? asked
        : { end: ends[lane] ?? 0, untilMs: nowMs + REMEMBER_MS };
    this.#asked.delete(name);
    if ((done[lane] ?? 0) >= first.end) return false;
    this.#asked.set(name, first);
    if (this.#asked.size > MAX_ASKED) {
      for (const [oldest] of this.#asked) {
        this.#asked.delete(oldest);
        break;
      }
    }
    return true;
  }

  #standingOf(route: Route): Coalesced<Standing> {
    const known = this.#standings.get(route.service);
    if (known !== undefined) return known;
    const standing = new Coalesced(() => this.#read(route));
    this.#standings.set(route.service, standing);
    return standing;
  }

  async #read({ service, topics }: Route): Promise<Standing> {
    const topic = topics.requests.name;
    // In this order: what is done can then only be ahead of the ends, never behind by what came since.
    const ranges = await this.#log.rangesOf(topic);
    const progress = await this.#log.progressOf(groupOf(service, this.#prefix), topic);
    return {
      ends: ranges.map(({ high }) => high),
      done: ranges.map(({ low }, lane) => progress.get(lane)?.offset ?? low),
    };
  }
}
