import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import type { FastifyInstance } from "fastify";
import { type AdmissionParts, admission } from "../admission.ts";
import { sendJson } from "../json.ts";
import type { Lags } from "../lags.ts";

interface ServiceRoute {
  Params: { readonly service: string };
}

interface KeyRoute {
  Params: { readonly service: string; readonly key: string };
}

export interface DirectoryRouteOptions extends AdmissionParts {
  readonly lags: Lags;
}

/** For who goes to the owner himself, and for who wants to know how the lanes stand. Nothing is put on the log. */
export function addDirectoryRoutes(app: FastifyInstance, { lags, ...parts }: DirectoryRouteOptions): void {
  const { client } = parts.backend;
  const onRequest = admission(parts);

  app.get<KeyRoute>("/v1/:service/keys/:key", { onRequest }, async (request, reply) => {
    const { service, key } = request.params;
    const owner = await served(client.owner(service, key));
    const { lane, ordinal, epoch, replicas, state, member, url, fencingToken } = owner;
    const where = { service, key, lane, ordinal, epoch, replicas };
    reply.header("cache-control", "no-store");
    return sendJson(reply, { ...where, state, member, url, fencingToken });
  });

  app.get<ServiceRoute>("/v1/:service/shards", { onRequest }, async (request, reply) => {
    const { service } = request.params;
    const [shards, lag] = await Promise.all([served(client.shards(service)), lags.of(service)]);
    const { epoch, replicas, members } = shards;
    const lanes = shards.lanes.map((each) => ({ ...each, lag: lag?.[each.lane] ?? null }));
    reply.header("cache-control", "no-store");
    return sendJson(reply, { service, epoch, replicas, lanes, members });
  });
}

/** The service is served here: that it has no control topic yet is not the caller's mistake. */
async function served<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!isShardcastError(error) || error.code !== "SHARDCAST_UNKNOWN_SERVICE") throw error;
    throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", error.message, { cause: error });
  }
}
