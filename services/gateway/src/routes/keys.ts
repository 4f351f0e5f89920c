import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type AdmissionParts, admission } from "../admission.ts";
import { takePosted } from "../posted.ts";
import type { Publish } from "../publish.ts";

interface KeyRoute {
  Params: { readonly service: string; readonly key: string; readonly "*"?: string };
}

export interface KeyRouteOptions extends AdmissionParts {
  readonly publish: Publish;
}

/** `POST /v1/{service}/keys/{key}[/{handler…}]`: a keyed request, answered with the worker's reply, or with where it will be. */
export function addKeyRoutes(app: FastifyInstance, { publish, ...parts }: KeyRouteOptions): void {
  const onRequest = admission(parts);

  // Not async, see `Publish`.
  function handle(request: FastifyRequest<KeyRoute>, reply: FastifyReply): Promise<void> {
    const { service, key, "*": named = "" } = request.params;
    const posted = takePosted(request as FastifyRequest);
    const handler = named === "" ? (posted.event?.type ?? "") : named;
    return publish(request as FastifyRequest, reply, posted, { service, key, handler });
  }

  app.post<KeyRoute>("/v1/:service/keys/:key", { onRequest }, handle);
  app.post<KeyRoute>("/v1/:service/keys/:key/*", { onRequest }, handle);
}
