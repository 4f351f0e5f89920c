import { ShardcastError } from "@shardcast/protocol";
import type { FastifyInstance } from "fastify";
import type { Backend } from "../backend.ts";
import { sendJson } from "../json.ts";
import { sendProblem } from "../problems.ts";

const ALIVE = { status: "alive" };

/** What Kubernetes asks: does the process live, should requests be sent here. */
export function addHealthRoutes(app: FastifyInstance, backend: Backend): void {
  app.get("/healthz", (_request, reply) => sendJson(reply, ALIVE));
  app.get("/readyz", (_request, reply) => {
    const { fault } = backend;
    const services = backend.reports();
    if (fault === undefined) return sendJson(reply, { status: "ready", services });
    const { code, message, status } = fault;
    return sendProblem(reply, new ShardcastError(code, message, { status, extensions: { services } }));
  });
}
