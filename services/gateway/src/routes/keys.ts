import type { Reply, RequestOptions } from "@shardcast/client";
import { ShardcastError } from "@shardcast/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { admission } from "../admission.ts";
import type { Backend } from "../backend.ts";
import { setHandlerHeader, setHandlerHeaders } from "../response-headers.ts";
import { type TimeoutLimits, timeoutOf } from "../timeout.ts";
import type { Visit, Visits } from "../visits.ts";

interface KeyRoute {
  Params: { readonly service: string; readonly key: string; readonly "*"?: string };
}

export interface KeyRouteOptions {
  readonly backend: Backend;
  readonly visits: Visits;
  readonly limits: TimeoutLimits;
  readonly forwardHeaders: readonly string[];
  readonly logger: Logger;
}

// W3C Trace Context, version 00; what does not look like it is not passed on, as the standard wants.
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const NO_HEADERS = Object.freeze({});

/** `POST /v1/{service}/keys/{key}[/{handler…}]`: a keyed request, answered with the worker's reply. */
export function addKeyRoutes(app: FastifyInstance, options: KeyRouteOptions): void {
  const { backend, visits, limits, forwardHeaders, logger } = options;
  const admit = admission({ backend, visits });

  /** Publishes. Not async: a frame that waits would keep the body in memory all the while (C7). */
  function handle(request: FastifyRequest<KeyRoute>, reply: FastifyReply): Promise<void> {
    const { service, key, "*": handler = "" } = request.params;
    const visit = request.visit as Visit;
    const { headers } = request;
    refuseIdempotencyKey(headers);
    const asked: Mutable<RequestOptions> = {
      handler,
      timeoutMs: timeoutOf(headers, limits),
      signal: visit.signal,
      headers: forwardHeaders.length === 0 ? NO_HEADERS : pick(headers, forwardHeaders),
    };
    if (request.bodyType !== undefined) asked.contentType = request.bodyType;
    const { traceparent } = headers;
    if (typeof traceparent === "string" && TRACEPARENT.test(traceparent)) asked.traceparent = traceparent;
    const body = request.body as Buffer | undefined;
    // Held by the log while it is sent, by nobody while its reply is awaited.
    request.body = undefined;
    return answer(reply, visit, backend.client.request(service, key, body, asked));
  }

  async function answer(reply: FastifyReply, visit: Visit, awaited: Promise<Reply>): Promise<void> {
    try {
      const answered = await awaited;
      visit.hold(answered.body.byteLength);
      sendReply(reply, answered, logger);
    } catch (error) {
      // Nobody is there to be answered.
      if (!visit.signal.aborted) throw error;
      reply.hijack();
    }
  }

  app.post<KeyRoute>("/v1/:service/keys/:key", { onRequest: admit }, handle);
  app.post<KeyRoute>("/v1/:service/keys/:key/*", { onRequest: admit }, handle);
}

/**
 * Refused until outcomes are kept by key (C5): its caller repeats the request and expects it not to run again. Nobody
 * shall come to rely on its being ignored.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST
 */
function refuseIdempotencyKey(headers: FastifyRequest["headers"]): void {
  if (headers["idempotency-key"] === undefined) return;
  throw new ShardcastError("SHARDCAST_INVALID_REQUEST", "Idempotency-Key: is not supported by this gateway");
}

/** The worker's answer as it was. Only a body without a type gets one: Fastify calls it an octet stream. */
function sendReply(reply: FastifyReply, answer: Reply, logger: Logger): void {
  const { id, status, contentType, headers, body } = answer;
  setHandlerHeaders(reply, headers, logger);
  if (contentType !== undefined) setHandlerHeader(reply, "content-type", contentType, logger);
  reply.code(status).header("shardcast-request-id", id);
  const bodyless = status === 204 || status === 205 || status === 304 || body.byteLength === 0;
  reply.send(bodyless ? undefined : body);
}

function pick(headers: FastifyRequest["headers"], names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) picked[name] = typeof value === "string" ? value : value.join(", ");
  }
  return picked;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
