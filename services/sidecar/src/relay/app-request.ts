import { type BroadcastContext, type BroadcastMessage, TerminalError } from "@shardcast/worker";
import type { AppRequest } from "../app/application.ts";
import { carried, fitsHttp } from "./headers.ts";

const ROOT = "/broadcasts";
/** Segments that servers resolve: by them, a handler's name would lead anywhere in the application. */
const LEADS_AWAY: ReadonlySet<string> = new Set(["", ".", ".."]);

/**
 * A broadcast as the application gets it: POST /broadcasts/{handler}.
 *
 * @throws {TerminalError} 400 that names the handler or header which HTTP can not carry
 */
export function appRequestOf(
  broadcast: BroadcastMessage,
  { attempt, expiresMs, traceparent }: BroadcastContext,
): AppRequest {
  const { id, contentType } = broadcast;
  const headers: Record<string, string> = {
    ...carried(broadcast.headers),
    // Ours come last: nobody else can say them.
    "idempotency-key": id,
    "shardcast-broadcast-id": id,
    "shardcast-attempt": String(attempt),
    "shardcast-expires-at": new Date(expiresMs).toISOString(),
    ...(contentType === undefined ? {} : { "content-type": contentType }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  for (const [name, value] of Object.entries(headers)) {
    if (!fitsHttp(name, value)) {
      throw new TerminalError(`header ${JSON.stringify(name)}: HTTP can not carry it`, { status: 400 });
    }
  }
  return { path: pathOf(broadcast.handler), headers, body: broadcast.body };
}

function pathOf(handler: string): string {
  if (handler === "") return ROOT;
  const segments = handler.split("/");
  if (segments.some((segment) => LEADS_AWAY.has(segment))) {
    const fault = `handler ${JSON.stringify(handler)}: no segment of it may be empty, '.' or '..'`;
    throw new TerminalError(fault, { status: 400 });
  }
  return `${ROOT}/${segments.map(encodeURIComponent).join("/")}`;
}
