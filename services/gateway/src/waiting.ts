import { isShardcastError } from "@shardcast/protocol";

export interface Waiter {
  /** Fires when the caller has left. */
  readonly left: AbortSignal;
  /** Fires when the gateway closes. */
  readonly closing: AbortSignal;
}

/** Waits for news until the gateway closes: then it is told what is known. Rejects when the caller has left. */
export async function untilClosing<T>(
  { left, closing }: Waiter,
  wait: (signal: AbortSignal) => Promise<T>,
  know: () => Promise<T>,
): Promise<T> {
  try {
    return await wait(AbortSignal.any([left, closing]));
  } catch (error) {
    const aborted = isShardcastError(error) && error.code === "SHARDCAST_ABORTED";
    if (!aborted || left.aborted) throw error;
    return know();
  }
}
