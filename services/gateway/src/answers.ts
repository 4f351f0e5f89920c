import type { EndedStatus, Reply, RequestStatus } from "@shardcast/client";
import { type ErrorCode, isShardcastError } from "@shardcast/protocol";
import type { FastifyReply } from "fastify";
import type { Logger } from "pino";
import { sendJson } from "./json.ts";
import { sendProblem } from "./problems.ts";
import { setHandlerHeader, setHandlerHeaders } from "./response-headers.ts";

/** Seconds after which asking again makes sense. */
const RETRY_AFTER = "1";

/** Of these nothing is recorded: the request was not accepted, or is none of its own. */
const NOT_KEPT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "SHARDCAST_BODY_TOO_LARGE",
  "SHARDCAST_CLOSED",
  "SHARDCAST_IDEMPOTENCY_MISMATCH",
  "SHARDCAST_KEY_BUSY",
  "SHARDCAST_LANE_BUSY",
  "SHARDCAST_LOG_REFUSED",
  "SHARDCAST_LOG_UNAVAILABLE",
  "SHARDCAST_OVERLOADED",
]);

/** The worker's answer as it was. Only a body without a type gets one: Fastify calls it an octet stream. */
export function sendReply(reply: FastifyReply, answer: Reply, logger: Logger): void {
  const { id, status, contentType, headers, body } = answer;
  setHandlerHeaders(reply, headers, logger);
  if (contentType !== undefined) setHandlerHeader(reply, "content-type", contentType, logger);
  reply.code(status).header("shardcast-request-id", id);
  const bodyless = status === 204 || status === 205 || status === 304 || body.byteLength === 0;
  reply.send(bodyless ? undefined : body);
}

/** Says how long the outcome of a request can be asked for. */
export function sayKept(reply: FastifyReply, keptForSeconds: number): void {
  reply.header("shardcast-kept-for", String(keptForSeconds));
}

/** Whether the request that failed is recorded all the same. */
export function isKept(error: unknown): boolean {
  return isShardcastError(error) && "requestId" in error.extensions && !NOT_KEPT.has(error.code);
}

export interface Accepted {
  readonly service: string;
  readonly id: string;
  readonly keptForSeconds: number;
  /** What of `Prefer` was followed. */
  readonly applied: string;
}

/** Of a request that is on the log (C3), and where its answer will be. */
export function sendAccepted(reply: FastifyReply, { service, id, keptForSeconds, applied }: Accepted): void {
  const location = locationOf(service, id);
  sayKept(reply, keptForSeconds);
  reply.code(202).header("location", location).header("preference-applied", applied);
  reply.header("retry-after", RETRY_AFTER).header("shardcast-request-id", id);
  sendJson(reply, { id, state: "pending", location, keptForSeconds });
}

/** What is known of a request: its answer, as who waited for it got it, or what it is doing. */
export function sendStatus(reply: FastifyReply, status: RequestStatus, logger: Logger): void {
  reply.header("cache-control", "no-store").header("shardcast-request-state", stateOf(status));
  if (status.state === "ended") {
    sendEnd(reply, status, logger);
    return;
  }
  const { id, state } = status;
  reply.code(202).header("retry-after", RETRY_AFTER).header("shardcast-request-id", id);
  const attempt = state === "pending" ? {} : { attempt: status.attempt, atMs: status.atMs };
  const reason = state === "retrying" ? { reason: status.reason } : {};
  sendJson(reply, { id, state, ...attempt, ...reason });
}

/** How a request stands, in one word. */
export function stateOf(status: RequestStatus): string {
  return status.state === "ended" ? status.end : status.state;
}

/** Where a request can be asked for. */
export function locationOf(service: string, id: string): string {
  return `/v1/${service}/requests/${id}`;
}

function sendEnd(reply: FastifyReply, ended: EndedStatus, logger: Logger): void {
  if (ended.error === undefined) sendReply(reply, ended, logger);
  else sendProblem(reply, ended.error);
}
