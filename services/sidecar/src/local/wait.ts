import { parametersOf, type Query, waitOf } from "@shardcast/http-words";

/**
 * `?wait=SECONDS`, which is all that such a query may say, as clients take it.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the parameter
 */
export function awaitedIn(query: Query, maxTimeoutMs: number): { readonly waitMs?: number } {
  const waitMs = waitOf(parametersOf(query, ["wait"]).wait, maxTimeoutMs);
  return waitMs === undefined ? {} : { waitMs };
}
