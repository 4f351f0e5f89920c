import type { BroadcastOptions, Client } from "@shardcast/client";
import {
  ackOf,
  assertForBroadcast,
  idempotencyKeyOf,
  parametersOf,
  preferred,
  type Query,
  secondsToMs,
  traceparentOf,
  travellingHeaders,
} from "@shardcast/http-words";
import { toBroadcastJson } from "@shardcast/protocol";
import type { FastifyInstance } from "fastify";
import { sendJson } from "./answers.ts";
import { answering, callerOf } from "./caller.ts";
import type { CallLimits } from "./keys.ts";
import { assertOffered } from "./offered.ts";
import { awaitedIn } from "./wait.ts";

interface ServiceRoute {
  Params: { readonly service: string };
  Querystring: Query;
}

interface BroadcastRoute {
  Params: { readonly service: string; readonly id: string };
  Querystring: Query;
}

/** For who waits for nothing. */
const NO_WAIT_MS = 1;

/** Notify-all (C6): `POST /v1/{service}/broadcasts`, and how one stands: `GET …/{id}`; `DELETE` cancels it. */
export function addBroadcastRoutes(app: FastifyInstance, client: Client, limits: CallLimits): void {
  const { forwardHeaders, maxTimeoutMs } = limits;
  const one = "/v1/:service/broadcasts/:id";

  app.post<ServiceRoute>("/v1/:service/broadcasts", async (request, reply) => {
    const { service } = request.params;
    const { headers, sentType: contentType } = request;
    // First: a gateway, to which the other would send him, has no such broadcasts either.
    assertForBroadcast(headers);
    assertOffered(headers, contentType);
    const parameters = parametersOf(request.query, ["ack", "ttl", "handler"]);
    const idempotencyKey = idempotencyKeyOf(headers);
    const traceparent = traceparentOf(headers);
    const preference = preferred(headers, maxTimeoutMs);
    const waitMs = preference?.waitMs;
    const caller = callerOf(reply);
    const options: BroadcastOptions = {
      handler: parameters.handler ?? "",
      headers: travellingHeaders(headers, forwardHeaders),
      timeoutMs: waitMs ?? NO_WAIT_MS,
      ...(parameters.ack === undefined ? {} : { ack: ackOf(parameters.ack) }),
      ...(parameters.ttl === undefined ? {} : { ttlMs: secondsToMs(parameters.ttl, "ttl") }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    return answering(reply, caller, async () => {
      const sent = await client.broadcast(
        service,
        (request.body as Buffer | undefined) ?? Buffer.alloc(0),
        options,
      );
      const status = waitMs === undefined ? sent.accepted : await sent.ended;
      reply
        .header("location", `/v1/${service}/broadcasts/${sent.id}`)
        .header("shardcast-broadcast-id", sent.id);
      if (sent.replayed) reply.header("idempotency-replayed", "true");
      if (preference !== undefined) reply.header("preference-applied", preference.applied);
      reply.code(waitMs === undefined || status.verdict === "open" ? 202 : 200);
      return sendJson(reply, toBroadcastJson(status));
    });
  });

  app.get<BroadcastRoute>(one, async ({ params: { service, id }, query }, reply) => {
    const caller = callerOf(reply);
    const wait = awaitedIn(query, maxTimeoutMs);
    return answering(reply, caller, async () =>
      sendJson(
        reply,
        toBroadcastJson(await client.broadcasts.status(service, id, { ...wait, signal: caller })),
      ),
    );
  });

  app.delete<BroadcastRoute>(one, async ({ params: { service, id } }, reply) => {
    await client.broadcasts.cancel(service, id);
    reply.code(202).header("shardcast-broadcast-id", id);
    return sendJson(reply, { id, state: "cancelling" });
  });
}
