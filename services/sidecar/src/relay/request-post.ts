import { percentEncoded } from "@shardcast/protocol";
import type { HandlerContext, HandlerRequest } from "@shardcast/worker";
import type { AppRequest } from "../app/application.ts";
import { eventHeaders } from "./cloud-event.ts";
import { assertFitHttp, brought } from "./headers.ts";
import { pathOf } from "./path.ts";

/**
 * A keyed request as the application gets it: POST /requests/{handler}.
 *
 * @throws {TerminalError} 400 that names the handler or header which HTTP can not carry
 */
export function requestPost(
  request: HandlerRequest,
  context: HandlerContext,
  format: "http" | "cloudevents",
): AppRequest {
  const { id, contentType, handler, keyBytes } = request;
  const { service, member, lane, offset, attempt, fencingToken, deadlineMs, traceparent } = context;
  const told = { id, service, handler, key: keyBytes, type: "shardcast.request" };
  const headers: Record<string, string> = {
    ...(format === "cloudevents" ? eventHeaders(told) : {}),
    ...brought(request.headers),
    // Ours come last: nobody else can say them. The id is the caller's idempotency key, hashed with service and key, where he had one.
    "idempotency-key": id,
    "shardcast-service": service,
    "shardcast-member": member,
    "shardcast-request-id": id,
    "shardcast-key": percentEncoded(keyBytes),
    "shardcast-lane": String(lane),
    "shardcast-offset": String(offset),
    "shardcast-attempt": String(attempt),
    "shardcast-fencing-token": String(fencingToken),
    ...(deadlineMs === undefined ? {} : deadline(deadlineMs, context.remainingMs())),
    ...(contentType === undefined ? {} : { "content-type": contentType }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  assertFitHttp(headers);
  return { path: pathOf("/requests", handler), headers, body: request.body };
}

/** What is left is said as well: clocks of containers agree, those of what an application calls may not (C8). */
function deadline(deadlineMs: number, remainingMs: number): Record<string, string> {
  return {
    "shardcast-deadline": String(deadlineMs),
    "shardcast-remaining-ms": String(Math.floor(remainingMs)),
  };
}
