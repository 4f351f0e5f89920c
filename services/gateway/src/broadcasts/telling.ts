import type { IncomingHttpHeaders } from "node:http";
import { type DeliveryLimits, preferred } from "@shardcast/http-words";
import { acceptsByName } from "../accepts.ts";

export const NDJSON = "application/x-ndjson";

/** How a caller wants to hear what comes of his broadcast. */
export type Telling = {
  /** Value of Preference-Applied. */
  readonly applied?: string;
} & (
  | { readonly kind: "accepted" }
  /** Once there is a verdict, or the time is over. */
  | { readonly kind: "verdict"; readonly waitMs: number }
  /** Each member's outcome as it comes, until then. */
  | { readonly kind: "stream"; readonly waitMs: number }
);

/**
 * As `Prefer: wait=SECONDS` and `Accept: application/x-ndjson` say; a stream waits without the preference as well. Cut to the
 * longest wait that is configured.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the header
 */
export function tellingOf(headers: IncomingHttpHeaders, limits: DeliveryLimits): Telling {
  const preference = preferred(headers, limits.maxTimeoutMs);
  const applied = preference === undefined ? {} : { applied: preference.applied };
  const waitMs = preference?.waitMs;
  if (acceptsByName(headers.accept, NDJSON)) {
    const defaultMs = Math.min(limits.defaultTimeoutMs, limits.maxTimeoutMs);
    return { ...applied, kind: "stream", waitMs: waitMs ?? defaultMs };
  }
  return waitMs === undefined ? { ...applied, kind: "accepted" } : { ...applied, kind: "verdict", waitMs };
}
