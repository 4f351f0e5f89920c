import type { BroadcastOptions } from "@shardcast/client";
import { ackOf, invalidRequest, secondsToMs } from "@shardcast/http-words";

export type BroadcastTerms = Pick<BroadcastOptions, "ack" | "ttlMs">;

/**
 * Whose acknowledgements are wanted, and until when.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the parameter
 */
export function termsOf(
  { ack, ttl }: { readonly ack?: string; readonly ttl?: string },
  retentionMs: number,
): BroadcastTerms {
  const terms: { -readonly [K in keyof BroadcastTerms]: BroadcastTerms[K] } = {};
  if (ack !== undefined) terms.ack = ackOf(ack);
  if (ttl !== undefined) {
    terms.ttlMs = secondsToMs(ttl, "ttl");
    if (terms.ttlMs > retentionMs) {
      throw invalidRequest(`ttl: at most the ${retentionMs / 1_000} seconds for which broadcasts are kept`);
    }
  }
  return terms;
}
