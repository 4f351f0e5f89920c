import { type Answer, jsonOf, problemOf, REQUEST_ID } from "./answer.ts";
import type { Reply, Submitted } from "./options.ts";

/** Of the connection, or computed on the way: no handler sets them. The platform has decoded the body already. */
const NOT_THE_HANDLERS = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

/** The handler's answer; undefined for a problem, and when it is not the gateway that speaks. */
export function readReply(answer: Answer): Reply | undefined {
  const id = answer.headers.get(REQUEST_ID);
  return id === null || problemOf(answer) !== undefined ? undefined : replyOf(id, answer);
}

/** What came of a request that need not be answered at once. */
export function readSubmitted(answer: Answer): Submitted | undefined {
  // A handler may answer 202 as well.
  const accepted = answer.headers.has("preference-applied") ? readAccepted(answer) : undefined;
  if (accepted !== undefined) return accepted;
  const reply = readReply(answer);
  return reply === undefined ? undefined : { id: reply.id, reply };
}

/** That what was asked for is on the log (C3). */
export function readAccepted(answer: Answer): { readonly id: string } | undefined {
  const id = answer.headers.get(REQUEST_ID);
  return answer.status === 202 && id !== null && jsonOf(answer)?.id === id ? { id } : undefined;
}

/** An answer as its handler gave it. */
export function replyOf(id: string, { status, headers, body }: Answer): Reply {
  const handlers: Record<string, string> = {};
  headers.forEach((value, name) => {
    if (!NOT_THE_HANDLERS.has(name) && !name.startsWith("shardcast-")) handlers[name] = value;
  });
  const contentType = headers.get("content-type");
  const reply = { id, status, headers: handlers, body };
  return contentType === null ? reply : { ...reply, contentType };
}
