import type { Client } from "@shardcast/client";
import type { Query } from "@shardcast/http-words";
import type { FastifyInstance } from "fastify";
import { sendJson, sendStatus } from "./answers.ts";
import { answering, callerOf } from "./caller.ts";
import type { CallLimits } from "./keys.ts";
import { awaitedIn } from "./wait.ts";

interface RequestRoute {
  Params: { readonly service: string; readonly id: string };
  Querystring: Query;
}

/** A recorded request, by its id: `GET` says how it stands, with `?wait=SECONDS` once it has ended; `DELETE` cancels it. */
export function addRequestRoutes(app: FastifyInstance, client: Client, { maxTimeoutMs }: CallLimits): void {
  app.get<RequestRoute>("/v1/:service/requests/:id", async ({ params: { service, id }, query }, reply) => {
    const caller = callerOf(reply);
    const wait = awaitedIn(query, maxTimeoutMs);
    return answering(reply, caller, async () =>
      sendStatus(reply, await client.result(service, id, { ...wait, signal: caller })),
    );
  });

  app.delete<RequestRoute>("/v1/:service/requests/:id", async ({ params: { service, id } }, reply) => {
    await client.cancel(service, id);
    reply.code(202).header("location", `/v1/${service}/requests/${id}`).header("shardcast-request-id", id);
    return sendJson(reply, { id, state: "cancelling" });
  });
}
