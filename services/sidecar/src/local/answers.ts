import type { Reply, RequestStatus } from "@shardcast/client";
import type { FastifyReply } from "fastify";
import { carried, fitsHttp } from "../relay/headers.ts";
import { sendProblem } from "./problems.ts";

/** As a buffer, because Fastify would add a charset parameter to a string's type. */
export function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply
    .header("cache-control", "no-store")
    .header("content-type", "application/json")
    .send(Buffer.from(JSON.stringify(body)));
}

/** The owner's answer as it was. */
export function sendReply(
  reply: FastifyReply,
  { id, status, contentType, headers, body }: Reply,
): FastifyReply {
  for (const [name, value] of Object.entries(carried(headers))) {
    if (fitsHttp(name, value)) reply.header(name, value);
  }
  if (contentType !== undefined) reply.header("content-type", contentType);
  reply.code(status).header("shardcast-request-id", id);
  return reply.send(body.byteLength === 0 ? undefined : body);
}

/** Of a request that is on the log (C3), and where its answer will be. */
export function sendAccepted(
  reply: FastifyReply,
  service: string,
  id: string,
  applied: string,
): FastifyReply {
  const location = `/v1/${service}/requests/${id}`;
  reply.code(202).header("location", location).header("preference-applied", applied);
  reply.header("retry-after", "1").header("shardcast-request-id", id);
  return sendJson(reply, { id, state: "pending", location });
}

/** What is known of a request: its answer, as who waited for it got it, or what it is doing. */
export function sendStatus(reply: FastifyReply, status: RequestStatus): FastifyReply {
  const { id, state } = status;
  reply.header("shardcast-request-state", state === "ended" ? status.end : state);
  if (state === "ended") {
    reply.header("cache-control", "no-store");
    return status.error === undefined ? sendReply(reply, status) : sendProblem(reply, status.error);
  }
  reply.code(202).header("retry-after", "1").header("shardcast-request-id", id);
  if (state === "pending") return sendJson(reply, { id, state });
  const reason = state === "retrying" ? { reason: status.reason } : {};
  return sendJson(reply, { id, state, attempt: status.attempt, atMs: status.atMs, ...reason });
}
