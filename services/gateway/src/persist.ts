import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import pRetry from "p-retry";

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

export interface PersistOptions {
  /** Ends the trying. */
  readonly signal: AbortSignal;
  /** Told why each attempt failed. */
  readonly onFailure: (error: ShardcastError) => void;
}

/** Tries until it succeeds: Kafka may come up after us, an operator may still have to create or repair a topic. */
export function persist<T>(attempt: () => Promise<T>, { signal, onFailure }: PersistOptions): Promise<T> {
  return pRetry(() => attempt().catch(throwOurs), {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: FIRST_DELAY_MS,
    // Its own for each: at the longest delay p-retry's randomness is cut off, and all would try in step for ever.
    maxTimeout: LONGEST_DELAY_MS * (0.75 + Math.random() / 4),
    randomize: true,
    signal,
    onFailedAttempt: ({ error }) => onFailure(error as ShardcastError),
  });
}

/** As one of ours: p-retry would give up for a TypeError. */
function throwOurs(cause: unknown): never {
  if (isShardcastError(cause)) throw cause;
  throw new ShardcastError("SHARDCAST_INTERNAL", "preparing it failed unexpectedly", { cause });
}
