import type { BroadcastContext, BroadcastMessage } from "@shardcast/worker";
import type { AppRequest } from "../app/application.ts";
import { eventHeaders } from "./cloud-event.ts";
import { assertFitHttp, brought } from "./headers.ts";
import { pathOf } from "./path.ts";

/**
 * A broadcast as the application gets it: POST /broadcasts/{handler}.
 *
 * @throws {TerminalError} 400 that names the handler or header which HTTP can not carry
 */
export function broadcastPost(
  broadcast: BroadcastMessage,
  { attempt, expiresMs, member, offset, service, traceparent }: BroadcastContext,
  format: "http" | "cloudevents",
): AppRequest {
  const { id, contentType, handler } = broadcast;
  const told = { id, service, handler, type: "shardcast.broadcast" };
  const headers: Record<string, string> = {
    ...(format === "cloudevents" ? eventHeaders(told) : {}),
    ...brought(broadcast.headers),
    // Ours come last: nobody else can say them.
    "idempotency-key": id,
    "shardcast-service": service,
    "shardcast-member": member,
    "shardcast-broadcast-id": id,
    "shardcast-attempt": String(attempt),
    "shardcast-offset": String(offset),
    "shardcast-expires-at": new Date(expiresMs).toISOString(),
    ...(contentType === undefined ? {} : { "content-type": contentType }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  assertFitHttp(headers);
  return { path: pathOf("/broadcasts", handler), headers, body: broadcast.body };
}
