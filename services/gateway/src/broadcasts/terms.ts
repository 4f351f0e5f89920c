import type { IncomingHttpHeaders } from "node:http";
import type { BroadcastOptions } from "@shardcast/client";
import { MAX_EXPECTED, parseAck } from "@shardcast/protocol";
import { invalidRequest, secondsToMs } from "../seconds.ts";

export type BroadcastTerms = Pick<BroadcastOptions, "ack" | "ttlMs">;

/** Headers of requests for a key that mean nothing here. Overlooked, a caller would rely on what does not happen. */
const OF_KEYED_REQUESTS = {
  "request-timeout": "Request-Timeout: a broadcast has ttl=SECONDS for that",
  delay: "Delay: a broadcast can not be delayed",
  "delay-until": "Delay-Until: a broadcast can not be delayed",
  "callback-url": "Callback-URL: of a broadcast nobody is called back; see …/events",
  "shardcast-on-disconnect": "Shardcast-On-Disconnect: a broadcast goes on; DELETE cancels it",
} as const;

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

/** @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names a header which broadcasts do not have */
export function assertForBroadcast(headers: IncomingHttpHeaders): void {
  for (const [name, why] of Object.entries(OF_KEYED_REQUESTS)) {
    if (headers[name] !== undefined) throw invalidRequest(why);
  }
}

function ackOf(text: string): NonNullable<BroadcastOptions["ack"]> {
  const ack = parseAck(text);
  if (ack === undefined || (ack.kind === "count" && ack.count > MAX_EXPECTED)) {
    throw invalidRequest(`ack: must be all, quorum, none, or a number from 1 to ${MAX_EXPECTED}`);
  }
  return ack.kind === "count" ? ack.count : ack.kind;
}
