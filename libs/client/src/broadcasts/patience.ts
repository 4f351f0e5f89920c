import { closedError } from "../closed-error.ts";
import { abortedWait } from "./errors.ts";

/** Whose waits these are. */
export interface Patience {
  /** The caller's. */
  readonly signal: AbortSignal | undefined;
  /** Fires when the client closes. */
  readonly closing: AbortSignal;
}

/** Either that fires ends a wait. */
export function endsOf({ signal, closing }: Patience): readonly AbortSignal[] {
  return signal === undefined ? [closing] : [closing, signal];
}

/** Throws SHARDCAST_CLOSED, SHARDCAST_ABORTED. */
export function assertPatient({ signal, closing }: Patience): void {
  if (closing.aborted) throw closedError();
  if (signal?.aborted) throw abortedWait(signal);
}

/**
 * Begins something and gives what it comes to, unless somebody gives up before: it then goes on by itself.
 *
 * @throws {ShardcastError} as {@link assertPatient}, and what it fails with
 */
export async function patiently<T>(patience: Patience, begin: () => Promise<T>): Promise<T> {
  assertPatient(patience);
  const ends = endsOf(patience);
  const { promise: over, reject } = Promise.withResolvers<never>();
  const onEnd = () => {
    try {
      assertPatient(patience);
    } catch (error) {
      reject(error);
    }
  };
  for (const end of ends) end.addEventListener("abort", onEnd);
  try {
    return await Promise.race([begin(), over]);
  } finally {
    for (const end of ends) end.removeEventListener("abort", onEnd);
  }
}
