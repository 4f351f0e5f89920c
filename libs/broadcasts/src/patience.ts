import { ShardcastError } from "@shardcast/protocol";

const PATIENCE_MS = 20_000;

/** What the promise brings, unless it takes too long: the log may be away, and nobody else would say so. */
export async function patiently<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const detail = `${what} took more than ${PATIENCE_MS} ms`;
  const timer = setTimeout(
    () => reject(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", detail)),
    PATIENCE_MS,
  );
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}
