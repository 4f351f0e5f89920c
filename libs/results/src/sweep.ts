/** Dropped at once: the event loop gets its turn in between. */
const BATCH = 1_000;

/**
 * Calls a function that drops at most so many of what is too old and says how many it found, every so often, and again at
 * once while there are more. Keeps no process alive. Returns what ends it.
 */
export function sweepEvery(intervalMs: number, dropSome: (most: number) => Promise<number>): () => void {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const sweepIn = (ms: number) => {
    if (!ended) timer = setTimeout(sweep, ms).unref();
  };
  const sweep = () => {
    dropSome(BATCH).then(
      (found) => sweepIn(found === BATCH ? 0 : intervalMs),
      () => sweepIn(intervalMs), // what is over is not told any more all the same
    );
  };
  sweepIn(intervalMs);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
