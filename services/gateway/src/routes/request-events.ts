import type { FastifyInstance } from "fastify";
import { type AdmissionParts, admission } from "../admission.ts";
import { locationOf } from "../answers.ts";
import { eventStream, isSeen } from "../event-stream.ts";
import { lastSeen, sendEvents } from "../sse.ts";
import type { Visit } from "../visits.ts";

interface EventRoute {
  Params: { readonly service: string; readonly id: string };
}

export interface EventRouteOptions extends AdmissionParts {
  readonly heartbeatMs: number;
}

/** `GET /v1/{service}/requests/{id}/events`: what comes of a recorded request, as server-sent events. */
export function addEventRoutes(app: FastifyInstance, { heartbeatMs, ...parts }: EventRouteOptions): void {
  const { client, closing } = parts.backend;
  const onRequest = admission(parts);
  const path = "/v1/:service/requests/:id/events";

  app.get<EventRoute>(path, { onRequest, exposeHeadRoute: false }, async (request, reply) => {
    const { service, id } = request.params;
    const afterId = lastSeen(request);
    const known = await client.result(service, id);
    // An EventSource comes back when a stream has ended, until it is told that there is no more.
    if (known.state === "ended" && isSeen(known, afterId)) return reply.code(204).send();
    const { signal } = request.visit as Visit;
    const events = client.events(service, id, { signal: AbortSignal.any([signal, closing]) });
    return sendEvents(
      reply,
      eventStream(events, { location: locationOf(service, id), heartbeatMs, afterId }),
    );
  });
}
