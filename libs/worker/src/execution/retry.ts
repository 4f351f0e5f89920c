import pRetry, { type Options } from "p-retry";

/**
 * p-retry, entered only when the first attempt failed: most succeed, and then cost one call. A result is a result, also
 * when the signal fired while the attempt ran; p-retry would drop it.
 */
export async function retry<T>(attempt: () => Promise<T>, options: Options): Promise<T> {
  options.signal?.throwIfAborted();
  let first: unknown;
  try {
    return await attempt();
  } catch (error) {
    first = error;
  }
  return retryAfter(first, attempt, options);
}

/** Goes on after a first attempt that failed. */
export async function retryAfter<T>(first: unknown, attempt: () => Promise<T>, options: Options): Promise<T> {
  const results: T[] = [];
  try {
    await pRetry(async (attemptNumber) => {
      if (attemptNumber === 1) throw first;
      results.push(await attempt());
    }, options);
  } catch (error) {
    if (results.length === 0) throw error;
  }
  return results[0] as T;
}
