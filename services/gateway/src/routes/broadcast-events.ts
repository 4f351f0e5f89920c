import type { FastifyInstance } from "fastify";
import { type AdmissionParts, broadcastAdmission } from "../admission.ts";
import { broadcastTeller, isOver } from "../broadcasts/event-teller.ts";
import { lastSeen, sendEvents, serverSentEvents } from "../sse.ts";
import type { Visit } from "../visits.ts";

interface BroadcastRoute {
  Params: { readonly service: string; readonly id: string };
}

export interface BroadcastEventRouteOptions extends AdmissionParts {
  readonly heartbeatMs: number;
}

/** `GET /v1/{service}/broadcasts/{id}/events`: what comes of a broadcast, as server-sent events (C6). */
export function addBroadcastEventRoutes(
  app: FastifyInstance,
  { heartbeatMs, ...parts }: BroadcastEventRouteOptions,
): void {
  const { client, closing } = parts.backend;
  const onRequest = broadcastAdmission(parts);
  const path = "/v1/:service/broadcasts/:id/events";

  app.get<BroadcastRoute>(path, { onRequest, exposeHeadRoute: false }, async (request, reply) => {
    const { service, id } = request.params;
    const afterSeq = lastSeen(request);
    const signal = AbortSignal.any([(request.visit as Visit).signal, closing]);
    // Says whether it is known at all.
    await client.broadcasts.status(service, id);
    const known = (await client.followBroadcasts(service)).since(id, Math.max(0, afterSeq));
    // An EventSource comes back when a stream has ended, until it is told that there is no more.
    if (known !== undefined && known.seq <= afterSeq && isOver(known.status)) return reply.code(204).send();

    async function* changes() {
      if (known !== undefined) yield known;
      yield* client.broadcasts.events(service, id, { signal, after: known?.seq ?? 0 });
    }

    return sendEvents(reply, serverSentEvents(changes(), broadcastTeller(afterSeq), heartbeatMs));
  });
}
