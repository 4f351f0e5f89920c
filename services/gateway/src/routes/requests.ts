import type { RequestStatus } from "@shardcast/client";
import { waitOf } from "@shardcast/http-words";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { type AdmissionParts, admission } from "../admission.ts";
import { locationOf, sendStatus } from "../answers.ts";
import { sendJson } from "../json.ts";
import type { Visit } from "../visits.ts";
import { untilClosing } from "../waiting.ts";

interface RequestRoute {
  Params: { readonly service: string; readonly id: string };
  Querystring: { readonly wait?: string | readonly string[] };
}

export interface RequestRouteOptions extends AdmissionParts {
  readonly maxTimeoutMs: number;
  readonly logger: Logger;
}

/** A recorded request, by its id: `GET` says how it stands, with `?wait=SECONDS` once it has ended; `DELETE` cancels it. */
export function addRequestRoutes(app: FastifyInstance, options: RequestRouteOptions): void {
  const { maxTimeoutMs, logger, ...parts } = options;
  const { client, closing } = parts.backend;
  const onRequest = admission(parts);

  /** What is known in the end, or when the gateway closes. */
  async function ask({ params, query, visit }: FastifyRequest<RequestRoute>): Promise<RequestStatus> {
    const { service, id } = params;
    const waitMs = waitOf(query.wait, maxTimeoutMs);
    if (waitMs === undefined) return client.result(service, id);
    const { signal: left } = visit as Visit;
    return untilClosing(
      { left, closing },
      (signal) => client.result(service, id, { waitMs, signal }),
      () => client.result(service, id),
    );
  }

  app.get<RequestRoute>("/v1/:service/requests/:id", { onRequest }, async (request, reply) => {
    const visit = request.visit as Visit;
    try {
      const status = await ask(request);
      if (status.state === "ended") visit.hold(status.body.byteLength);
      sendStatus(reply, status, logger);
      return reply;
    } catch (error) {
      // Nobody is there to be answered.
      if (!visit.signal.aborted) throw error;
      return reply.hijack();
    }
  });

  app.delete<RequestRoute>("/v1/:service/requests/:id", { onRequest }, async (request, reply) => {
    const { service, id } = request.params;
    await client.cancel(service, id);
    reply.code(202).header("location", locationOf(service, id)).header("shardcast-request-id", id);
    return sendJson(reply, { id, state: "cancelling" });
  });
}
