import type { IncomingHttpHeaders } from "node:http";
import { invalidRequest } from "./invalid-request.ts";

/** Headers of requests for a key that mean nothing here. Overlooked, a caller would rely on what does not happen. */
const OF_KEYED_REQUESTS = {
  "request-timeout": "Request-Timeout: a broadcast has ttl=SECONDS for that",
  delay: "Delay: a broadcast can not be delayed",
  "delay-until": "Delay-Until: a broadcast can not be delayed",
  "callback-url": "Callback-URL: of a broadcast nobody is called back; see …/events",
  "shardcast-on-disconnect": "Shardcast-On-Disconnect: a broadcast goes on; DELETE cancels it",
} as const;

/** @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names a header which broadcasts do not have */
export function assertForBroadcast(headers: IncomingHttpHeaders): void {
  for (const [name, why] of Object.entries(OF_KEYED_REQUESTS)) {
    if (headers[name] !== undefined) throw invalidRequest(why);
  }
}
