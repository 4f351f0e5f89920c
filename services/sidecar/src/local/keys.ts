import type { Client, IdempotencyOptions, SendOptions } from "@shardcast/client";
import {
  cancelsOnDisconnect,
  type DeliveryLimits,
  deliveryOf,
  idempotencyKeyOf,
  traceparentOf,
  travellingHeaders,
} from "@shardcast/http-words";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendAccepted, sendJson, sendReply } from "./answers.ts";
import { answering, callerOf } from "./caller.ts";
import { assertOffered } from "./offered.ts";

interface KeyRoute {
  Params: { readonly service: string; readonly key: string; readonly "*"?: string };
}

export interface CallLimits extends DeliveryLimits {
  readonly forwardHeaders: readonly string[];
}

/** `POST /v1/{service}/keys/{key}[/{handler…}]`, a keyed request; `GET /v1/{service}/keys/{key}`, who owns the key. */
export function addKeyRoutes(app: FastifyInstance, client: Client, limits: CallLimits): void {
  async function post(request: FastifyRequest<KeyRoute>, reply: FastifyReply): Promise<FastifyReply> {
    const { service, key, "*": handler = "" } = request.params;
    const { headers } = request;
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
    assertOffered(headers, request.sentType);
    const caller = callerOf(reply);
    const asked = { ...sendOptions(request as FastifyRequest, handler, limits), signal: caller };
    const delivery = deliveryOf(headers, limits);
    return answering(reply, caller, async () => {
      if (delivery.kind === "wait") {
        const { timeoutMs } = delivery;
        // Over a limit the caller is told so (C7), and tries again by himself.
        return sendReply(
          reply,
          await client.request(service, key, body, { ...asked, timeoutMs, retry: false }),
        );
      }
      const { kind, applied, ...times } = delivery;
      const { id, reply: answer } = await client.submit(service, key, body, { ...asked, ...times });
      return answer === undefined ? sendAccepted(reply, service, id, applied) : sendReply(reply, answer);
    });
  }

  app.post<KeyRoute>("/v1/:service/keys/:key", post);
  app.post<KeyRoute>("/v1/:service/keys/:key/*", post);

  app.get<KeyRoute>("/v1/:service/keys/:key", async ({ params: { service, key } }, reply) => {
    const { lane, ordinal, epoch, replicas, state, member, url, fencingToken } = await client.owner(
      service,
      key,
    );
    const where = { service, key, lane, ordinal, epoch, replicas };
    return sendJson(reply, { ...where, state, member, url, fencingToken });
  });
}

function sendOptions(
  { headers, sentType: contentType }: FastifyRequest,
  handler: string,
  { forwardHeaders }: CallLimits,
): SendOptions & IdempotencyOptions {
  const idempotencyKey = idempotencyKeyOf(headers);
  const traceparent = traceparentOf(headers);
  return {
    handler,
    headers: travellingHeaders(headers, forwardHeaders),
    cancelOnAbort: cancelsOnDisconnect(headers),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}
