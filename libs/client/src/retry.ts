import { setTimeout as delay } from "node:timers/promises";
import { type ErrorCode, isShardcastError } from "@shardcast/protocol";

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1_000;

/** Why a request was not accepted, and may be if it is published again. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "SHARDCAST_LOG_UNAVAILABLE",
  "SHARDCAST_OVERLOADED",
  "SHARDCAST_LANE_BUSY",
  "SHARDCAST_KEY_BUSY",
]);

export interface RetryOptions {
  /** Epoch milliseconds after which it is not tried again. */
  readonly untilMs: number;
  /** Ends the trying; what failed last is thrown. */
  readonly signal: AbortSignal;
}

/** Tries until it succeeds, fails for good, or is of no use to anybody any more. Throws what the last attempt did. */
export async function retried<T>(
  attempt: () => T | Promise<T>,
  { untilMs, signal }: RetryOptions,
): Promise<T> {
  for (let longestMs = FIRST_DELAY_MS; ; longestMs = Math.min(2 * longestMs, LONGEST_DELAY_MS)) {
    try {
      return await attempt();
    } catch (error) {
      // Spread, so that who was refused together does not come back together.
      const delayMs = longestMs * (0.5 + Math.random() / 2);
      if (!isPassing(error) || Date.now() + delayMs >= untilMs) throw error;
      await delay(delayMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) throw error;
    }
  }
}

function isPassing(error: unknown): boolean {
  return isShardcastError(error) && PASSING.has(error.code);
}
