import type { FastifyInstance, FastifyReply } from "fastify";
import type { Backend } from "../backend.ts";
import { sendProblem } from "../problems.ts";

const ALIVE = Buffer.from('{"status":"alive"}');
const READY = Buffer.from('{"status":"ready"}');

/** What Kubernetes asks: does the process live, may requests be sent here. */
export function addHealthRoutes(app: FastifyInstance, backend: Backend): void {
  app.get("/healthz", (_request, reply) => sendJson(reply, ALIVE));
  app.get("/readyz", (_request, reply) => {
    const { fault } = backend;
    return fault === undefined ? sendJson(reply, READY) : sendProblem(reply, fault);
  });
}

function sendJson(reply: FastifyReply, body: Buffer): FastifyReply {
  return reply.header("content-type", "application/json").send(body);
}
