import { ShardcastError } from "@shardcast/protocol";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Backend } from "../backend.ts";
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

/** As a buffer, because Fastify would add a charset parameter to a string's type. */
function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply.header("content-type", "application/json").send(Buffer.from(JSON.stringify(body)));
}
