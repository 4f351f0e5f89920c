/** Resolves when the monotonic clock has reached `atMs`; never earlier, as a timer alone may. Rejects when aborted. */
export async function waitUntil(atMs: number, signal: AbortSignal): Promise<void> {
  for (let leftMs = left(atMs); leftMs > 0; leftMs = left(atMs)) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.ceil(leftMs));
    try {
      await orAborted(promise, signal);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What the promise brings, unless the signal fires before; the promise is then nobody's concern any more. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Resolves when the promise is settled, however, and at the latest after `limitMs`. */
export async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  await Promise.race([promise.catch(() => undefined), over]);
  clearTimeout(timer);
}

function left(atMs: number): number {
  return atMs - performance.now();
}
