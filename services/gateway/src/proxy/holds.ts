import { ShardcastError } from "@shardcast/protocol";
import type { Destination } from "./destination.ts";

export interface HoldsOptions {
  readonly maxHeld: number;
  /** Fires when the gateway closes. */
  readonly closing: AbortSignal;
}

export interface HoldTerms {
  /** When to give up, by `performance.now()`. */
  readonly untilMs: number;
  /** To look again by then at the latest, though nothing was heard; milliseconds. */
  readonly againMs: number;
  /** Called once: to look again, or with why there is no sense in it. */
  readonly done: (error?: ShardcastError) => void;
}

/** Requests that wait for an owner: so many at most, each for so long at most (C7). */
export class Holds {
  readonly #options: HoldsOptions;
  #held = 0;

  constructor(options: HoldsOptions) {
    this.#options = options;
  }

  /** Requests that are held now. */
  get size(): number {
    return this.#held;
  }

  /**
   * Waits for a destination to change. Returns how to stop.
   *
   * @param why what is said when the time is over
   * @throws {ShardcastError} SHARDCAST_OVERLOADED, SHARDCAST_CLOSED, SHARDCAST_NO_OWNER where there is no time at all
   */
  wait({ watch }: Destination, why: string, { untilMs, againMs, done }: HoldTerms): () => void {
    const { maxHeld, closing } = this.#options;
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) throw noOwner(why);
    if (closing.aborted) throw closed();
    if (this.#held >= maxHeld)
      throw new ShardcastError("SHARDCAST_OVERLOADED", `${why}; ${maxHeld} requests wait for owners already`);
    this.#held++;
    const stop = () => {
      if (timer === undefined) return;
      clearTimeout(timer);
      timer = undefined;
      this.#held--;
      unwatch?.();
      closing.removeEventListener("abort", onClosing);
    };
    const end = (error?: ShardcastError) => {
      if (timer === undefined) return;
      stop();
      done(error);
    };
    const onClosing = () => end(closed());
    const last = againMs >= leftMs;
    let timer: NodeJS.Timeout | undefined = setTimeout(
      () => end(last ? noOwner(why) : undefined),
      Math.min(againMs, leftMs),
    );
    // Not within the directory's own turn: what is done next may take long.
    const unwatch = watch?.(() => queueMicrotask(end));
    closing.addEventListener("abort", onClosing);
    return stop;
  }
}

export function noOwner(why: string): ShardcastError {
  return new ShardcastError("SHARDCAST_NO_OWNER", why);
}

/** Nothing was sent: another gateway can take it. */
function closed(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the gateway is closing");
}
