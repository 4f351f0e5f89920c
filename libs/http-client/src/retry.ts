import { ShardcastError } from "@shardcast/protocol/errors";
import { type Attempt, type Failed, isPassing } from "./attempt.ts";
import type { BackoffOptions } from "./options.ts";
import { pause, type Scope } from "./scopes.ts";

const DEFAULT_MIN_MS = 100;
const DEFAULT_MAX_MS = 5_000;
/** Beyond an hour it is a typing error, not a plan. */
const LONGEST_MS = 3_600_000;

/** How long to wait before each attempt after the first. */
export class Backoff {
  readonly #pauses: Required<BackoffOptions>;
  #longestMs: number;

  constructor(pauses: Required<BackoffOptions>) {
    this.#pauses = pauses;
    this.#longestMs = pauses.minMs;
  }

  /** Milliseconds; not before the other side wants it. Spread, so that who was refused together does not come back together. */
  nextMs(retryAfterMs = 0): number {
    const ms = this.#longestMs * (0.5 + Math.random() / 2);
    this.#longestMs = Math.min(2 * this.#longestMs, this.#pauses.maxMs);
    return retryAfterMs + ms;
  }

  /** It has worked for a while: the next wait is a short one. */
  reset(): void {
    this.#longestMs = this.#pauses.minMs;
  }
}

/** Throws SHARDCAST_INVALID_CONFIG. */
export function resolveBackoff({
  minMs = DEFAULT_MIN_MS,
  maxMs = Math.max(minMs, DEFAULT_MAX_MS),
}: BackoffOptions): Required<BackoffOptions> {
  for (const [name, ms] of Object.entries({ minMs, maxMs })) {
    if (Number.isInteger(ms) && ms >= 1 && ms <= LONGEST_MS) continue;
    throw new ShardcastError("SHARDCAST_INVALID_CONFIG", `retry.${name}: 1 to ${LONGEST_MS}, got ${ms}`);
  }
  return { minMs, maxMs };
}

export interface RetryOptions {
  readonly backoff: Backoff;
  /** Epoch milliseconds after which it is not tried again. */
  readonly untilMs: number;
  /** Whether one that is passing may be tried again. Default: all. */
  readonly mayRepeat?: (failed: Failed) => boolean;
}

/** Tries until it succeeds, fails for good, or is of no use to anybody any more. Throws what the last attempt did. */
export async function retried<T>(
  attempt: () => Promise<Attempt<T>>,
  scope: Scope,
  { backoff, untilMs, mayRepeat = () => true }: RetryOptions,
): Promise<T> {
  for (;;) {
    const made = await attempt();
    if (made.kind === "done") return made.value;
    const pauseMs = backoff.nextMs(made.retryAfterMs);
    const useful = isPassing(made) && mayRepeat(made) && Date.now() + pauseMs < untilMs;
    if (scope.error !== undefined || !useful) throw made.error;
    await pause(pauseMs, scope);
    if (scope.error !== undefined) throw scope.error;
  }
}

/** Throws what the attempt failed with. */
export async function once<T>(attempt: Promise<Attempt<T>>): Promise<T> {
  const made = await attempt;
  if (made.kind === "done") return made.value;
  throw made.error;
}
