import type { FastifyInstance } from "fastify";
import type { Sidecar } from "../sidecar.ts";
import { sendJson } from "./answers.ts";

/** What the application may know of the member beside it, and its part in the end of both. */
export function addMemberRoutes(app: FastifyInstance, sidecar: Sidecar): void {
  app.get("/healthz", (_request, reply) => sendJson(reply, { status: "alive" }));

  app.get("/readyz", (_request, reply) => {
    const readiness = sidecar.readiness();
    return sendJson(reply.code(readiness.ready ? 200 : 503), readiness);
  });

  app.get("/v1/lanes", (_request, reply) => {
    const { service, member } = sidecar;
    return sendJson(reply, { service, member, status: sidecar.readiness().status, lanes: sidecar.lanes() });
  });

  app.get("/drained", async (_request, reply) => {
    await sidecar.left;
    return sendJson(reply, { status: "left" });
  });

  app.post("/drain", async (_request, reply) => {
    await sidecar.leave();
    return sendJson(reply, { status: "left" });
  });
}
