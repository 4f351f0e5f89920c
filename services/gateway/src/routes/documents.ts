import { ShardcastError } from "@shardcast/protocol";
import type { FastifyInstance } from "fastify";
import type { Documents } from "../documents/documents.ts";

interface ServiceRoute {
  Params: { readonly service: string };
}

/** Nothing is loaded, run or framed: the page has its style in itself, and no script. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
const JSON_TYPE = "application/json";

/** What can be asked of this gateway, for machines and for people. Also while no service can be called. */
export function addDocumentRoutes(
  app: FastifyInstance,
  documents: Documents,
  services: readonly string[],
): void {
  app.get("/openapi.json", (_request, reply) =>
    reply.header("content-type", JSON_TYPE).send(documents.gateway),
  );

  app.get("/docs", (_request, reply) => {
    reply.header("content-type", "text/html; charset=utf-8").header("content-security-policy", POLICY);
    return reply.header("x-content-type-options", "nosniff").send(documents.page);
  });

  for (const [name, kind] of [
    ["openapi.json", "openApi"],
    ["asyncapi.json", "asyncApi"],
  ] as const) {
    app.get<ServiceRoute>(`/v1/:service/${name}`, (request, reply) => {
      const { service } = request.params;
      if (!services.includes(service)) {
        throw new ShardcastError("SHARDCAST_UNKNOWN_SERVICE", `this gateway does not serve ${service}`);
      }
      const document = documents.services.get(service)?.[kind];
      if (document !== undefined) return reply.header("content-type", JSON_TYPE).send(document);
      throw new ShardcastError("SHARDCAST_NOT_FOUND", `${service} has no contract here; see /openapi.json`);
    });
  }
}
