/** Resolves when the promise does or the signal fires; leaves nothing listening. Rejects as the promise does. */
export function untilAbort(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    const done = () => resolve();
    signal.addEventListener("abort", done, { once: true });
    promise.then(done, reject).finally(() => signal.removeEventListener("abort", done));
  });
}
