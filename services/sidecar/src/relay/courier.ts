import { RetryableError } from "@shardcast/worker";
import type { AppAnswer, Application, AppRequest } from "../app/application.ts";
import { neverReached, reasonOf } from "../app/never-reached.ts";
import type { Presence } from "../app/presence.ts";

/** Of one attempt: what bounds it. Handlers' contexts have all of it. */
export interface Attempt {
  readonly attempt: number;
  /** Fires when this member may not go on, or nobody wants it any more. */
  readonly signal: AbortSignal;
  remainingMs(): number;
}

export interface CourierOptions {
  readonly application: Pick<Application, "post">;
  readonly presence: Pick<Presence, "isWell" | "well" | "missed">;
  /** Fires when the member leaves: nobody waits for an application that is away any more. */
  readonly leaving: AbortSignal;
  readonly maxAttempts: number;
}

/** Longest time that a timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Brings requests to the application, when it is there. One that could not be reached has had nothing: that is no attempt, or what
 * comes while it restarts would end in the dead letters (C3, C9). A connection that broke later is one: a request that brings the
 * application down must come to an end.
 */
export class Courier {
  readonly #options: CourierOptions;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /**
   * @param requestOf called right before it is sent: what is left of the time is in it
   * @throws {RetryableError} when the application was asked and has not answered, or the time was over before it was back (C8)
   */
  async bring(requestOf: () => AppRequest, bounds: Attempt): Promise<AppAnswer> {
    const { application, presence } = this.#options;
    const { signal } = bounds;
    for (;;) {
      if (!presence.isWell) await this.#untilWell(bounds);
      const timeoutMs = bounds.remainingMs();
      if (timeoutMs <= 0) throw new RetryableError("the time was over before the application could be asked");
      const request = requestOf();
      try {
        return await application.post(request, { signal, timeoutMs });
      } catch (cause) {
        if (signal.aborted || !neverReached(cause)) {
          throw new RetryableError(`the application could not be asked: ${reasonOf(cause)}`, { cause });
        }
        presence.missed();
      }
    }
  }

  async #untilWell(bounds: Attempt): Promise<void> {
    const { presence, leaving, maxAttempts } = this.#options;
    const remainingMs = bounds.remainingMs();
    const ends = [bounds.signal];
    if (remainingMs <= MAX_TIMER_MS) ends.push(AbortSignal.timeout(Math.ceil(remainingMs)));
    // What throws in its last attempt goes to the dead letters: that one waits until the member has to let go of it.
    if (bounds.attempt < maxAttempts) ends.push(leaving);
    try {
      await presence.well(AbortSignal.any(ends));
    } catch (cause) {
      throw new RetryableError("the application was away", { cause });
    }
  }
}
