import type { BroadcastOptions } from "@shardcast/client";
import {
  assertForBroadcast,
  type DeliveryLimits,
  idempotencyKeyOf,
  invalidRequest,
  parametersOf,
  type Query,
  traceparentOf,
  travellingHeaders,
  waitOf,
} from "@shardcast/http-words";
import { isHandlerName, toBroadcastJson } from "@shardcast/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type AdmissionParts, broadcastAdmission } from "../admission.ts";
import { broadcastLocation, sendBroadcast, sendHeld } from "../broadcasts/answers.ts";
import { postBroadcast } from "../broadcasts/poster.ts";
import { tellingOf } from "../broadcasts/telling.ts";
import { termsOf } from "../broadcasts/terms.ts";
import { idempotencyKeyOfEvent } from "../cloud-events/idempotency-key.ts";
import type { Contracts } from "../contracts/contracts.ts";
import { sendJson } from "../json.ts";
import { takePosted } from "../posted.ts";
import { singleHeader } from "../single-header.ts";
import type { Visit } from "../visits.ts";
import { untilClosing } from "../waiting.ts";

interface ServiceRoute {
  Params: { readonly service: string };
  Querystring: Query;
}

interface BroadcastRoute {
  Params: { readonly service: string; readonly id: string };
  Querystring: Query;
}

export interface BroadcastRouteOptions extends AdmissionParts {
  readonly limits: DeliveryLimits;
  readonly forwardHeaders: readonly string[];
  readonly broadcastRetentionMs: number;
  readonly contracts: Contracts;
}

const LIMIT = /^[1-9][0-9]{0,2}$/;
const MAX_LIMIT = 500;
const STATES = ["open", "ended"] as const;

/** Notify-all (C6): a broadcast is posted, asked for, listed, cancelled, and sent again to who did not acknowledge. */
export function addBroadcastRoutes(app: FastifyInstance, options: BroadcastRouteOptions): void {
  const { limits, forwardHeaders, broadcastRetentionMs, contracts, ...parts } = options;
  const { backend } = parts;
  const { client, closing } = backend;
  const onRequest = broadcastAdmission(parts);
  const many = "/v1/:service/broadcasts";
  const one = `${many}/:id`;

  // Not async: a frame that waits would keep the body in memory all the while (C7).
  function post(request: FastifyRequest<ServiceRoute>, reply: FastifyReply): Promise<void> {
    const { service } = request.params;
    const { headers } = request;
    const parameters = parametersOf(request.query, ["ack", "ttl", "handler"]);
    assertForBroadcast(headers);
    const { event, body, contentType } = takePosted(request as FastifyRequest);
    const handler = singleHeader(request.raw, "shardcast-handler") || parameters.handler || event?.type || "";
    const draft: Mutable<BroadcastOptions> = {
      ...termsOf(parameters, broadcastRetentionMs),
      handler,
      headers: travellingHeaders(headers, forwardHeaders, event?.headers),
    };
    const idempotencyKey = idempotencyKeyOf(headers) ?? (event && idempotencyKeyOfEvent(event));
    if (idempotencyKey !== undefined) draft.idempotencyKey = idempotencyKey;
    if (contentType !== undefined) draft.contentType = contentType;
    const traceparent = traceparentOf(headers);
    if (traceparent !== undefined) draft.traceparent = traceparent;
    const telling = tellingOf(headers, limits);
    return postBroadcast(backend, request as FastifyRequest, reply, {
      service,
      telling,
      send: (wait) => {
        const send = () => client.broadcast(service, body, { ...draft, ...wait });
        const checked = contracts.checkBroadcast({ service, handler }, body);
        return checked === undefined ? send() : checked.then(send);
      },
    });
  }

  app.post<ServiceRoute>(many, { onRequest }, post);

  app.post<BroadcastRoute>(`${one}/redrive`, { onRequest }, (request, reply) => {
    const { service, id } = request.params;
    const { headers } = request;
    const terms = termsOf(parametersOf(request.query, ["ack", "ttl"]), broadcastRetentionMs);
    assertForBroadcast(headers);
    if (headers["idempotency-key"] !== undefined) {
      throw invalidRequest("Idempotency-Key: a redrive has none; each is a broadcast of its own");
    }
    const telling = tellingOf(headers, limits);
    return postBroadcast(backend, request as FastifyRequest, reply, {
      service,
      telling,
      send: (wait) => client.broadcasts.redrive(service, id, { ...terms, ...wait }),
    });
  });

  app.get<ServiceRoute>(many, { onRequest }, async (request, reply) => {
    const { service } = request.params;
    const query = listQueryOf(request.query);
    const { items, next } = await client.broadcasts.list(service, query);
    const { dropped } = await client.followBroadcasts(service);
    const page = { items: items.map(toBroadcastJson), ...(next === undefined ? {} : { next }), dropped };
    return sendHeld(reply, request.visit as Visit, page);
  });

  app.get<BroadcastRoute>(one, { onRequest }, async (request, reply) => {
    const { service, id } = request.params;
    const visit = request.visit as Visit;
    const { signal: left } = visit;
    const { wait } = parametersOf(request.query, ["wait"]);
    const waitMs = waitOf(wait, limits.maxTimeoutMs);
    try {
      const know = () => client.broadcasts.status(service, id);
      if (waitMs === undefined) return sendBroadcast(reply, visit, await know());
      const awaited = (signal: AbortSignal) => client.broadcasts.status(service, id, { waitMs, signal });
      return sendBroadcast(reply, visit, await untilClosing({ left, closing }, awaited, know));
    } catch (error) {
      // Nobody is there to be answered.
      if (!left.aborted) throw error;
      return reply.hijack();
    }
  });

  app.delete<BroadcastRoute>(one, { onRequest }, async (request, reply) => {
    const { service, id } = request.params;
    await client.broadcasts.cancel(service, id);
    reply.code(202).header("location", broadcastLocation(service, id)).header("shardcast-broadcast-id", id);
    return sendJson(reply, { id, state: "cancelling" });
  });
}

/** Throws SHARDCAST_INVALID_REQUEST that names the parameter. */
function listQueryOf(query: Query) {
  const { state, handler, limit, after } = parametersOf(query, ["state", "handler", "limit", "after"]);
  const wanted = STATES.find((each) => each === state);
  if (wanted !== state) throw invalidRequest("state: must be open or ended");
  if (handler !== undefined && !isHandlerName(handler)) throw invalidRequest("handler: is no name of one");
  if (limit !== undefined && !(LIMIT.test(limit) && Number(limit) <= MAX_LIMIT)) {
    throw invalidRequest(`limit: must be a number from 1 to ${MAX_LIMIT}`);
  }
  return {
    ...(wanted === undefined ? {} : { state: wanted }),
    ...(handler === undefined ? {} : { handler }),
    ...(limit === undefined ? {} : { limit: Number(limit) }),
    ...(after === undefined ? {} : { after }),
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
