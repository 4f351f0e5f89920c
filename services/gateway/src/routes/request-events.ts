import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { type AdmissionParts, admission } from "../admission.ts";
import { locationOf } from "../answers.ts";
import { eventStream, isSeen } from "../event-stream.ts";
import type { Visit } from "../visits.ts";

interface EventRoute {
  Params: { readonly service: string; readonly id: string };
}

export interface EventRouteOptions extends AdmissionParts {
  readonly heartbeatMs: number;
}

/** Whole numbers that our ids can be. */
const EVENT_ID = /^[0-9]{1,15}$/;
/** Of a reader who has seen nothing. */
const NONE_SEEN = -1;

/** `GET /v1/{service}/requests/{id}/events`: what comes of a recorded request, as server-sent events. */
export function addEventRoutes(app: FastifyInstance, { heartbeatMs, ...parts }: EventRouteOptions): void {
  const { client, closing } = parts.backend;
  const onRequest = admission(parts);
  const path = "/v1/:service/requests/:id/events";

  app.get<EventRoute>(path, { onRequest, exposeHeadRoute: false }, async (request, reply) => {
    const { service, id } = request.params;
    const afterId = lastSeen(request.headers["last-event-id"]);
    const known = await client.result(service, id);
    // An EventSource comes back when a stream has ended, until it is told that there is no more.
    if (known.state === "ended" && isSeen(known, afterId)) return reply.code(204).send();
    const { signal } = request.visit as Visit;
    const events = client.events(service, id, { signal: AbortSignal.any([signal, closing]) });
    reply.header("content-type", "text/event-stream").header("cache-control", "no-store");
    // nginx would hold the events back. The connection is of no further use: it ends with the stream, also when we close.
    reply.header("x-accel-buffering", "no").header("connection", "close");
    const stream = eventStream(events, { location: locationOf(service, id), heartbeatMs, afterId });
    // Fastify pipes it: as fast as it is read, and destroyed with the connection.
    return reply.send(Readable.from(stream));
  });
}

/** What is not one of our ids is another's, and says nothing. */
function lastSeen(header: string | string[] | undefined): number {
  return typeof header === "string" && EVENT_ID.test(header) ? Number(header) : NONE_SEEN;
}
