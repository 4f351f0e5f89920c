import type { ControlChange } from "@shardcast/control";
import { isShardcastError, ShardcastError, toProblem } from "@shardcast/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type AdmissionParts, admission } from "../admission.ts";
import { changes, type Watch } from "../directory/changes.ts";
import { toldOwner, toldShards } from "../directory/told.ts";
import { sendJson } from "../json.ts";
import type { Lags } from "../lags.ts";
import { eventOf, sendEvents, serverSentEvents } from "../sse.ts";
import type { Visit } from "../visits.ts";

interface ServiceRoute {
  Params: { readonly service: string };
}

interface KeyRoute {
  Params: { readonly service: string; readonly key: string };
}

export interface DirectoryRouteOptions extends AdmissionParts {
  readonly lags: Lags;
  readonly heartbeatMs: number;
}

/** Kinds of changes that are seen from outside; heartbeats are not. */
const SEEN: ReadonlySet<ControlChange["kind"]> = new Set<ControlChange["kind"]>(["map", "lane", "member"]);
/** What changes all the time, and is no change. */
const PASSING: ReadonlySet<string> = new Set(["discoveryAgeMs", "lag"]);

/**
 * For who goes to the owner himself, in whatever language, and for who wants to know how the lanes stand: as an answer, and as
 * server-sent events `owner` and `shards` with the same, now and after each change. Nothing is put on the log.
 */
export function addDirectoryRoutes(
  app: FastifyInstance,
  { lags, heartbeatMs, ...parts }: DirectoryRouteOptions,
): void {
  const { backend } = parts;
  const { client } = backend;
  const onRequest = admission(parts);
  const asEvents = { onRequest, exposeHeadRoute: false };

  const ownerOf = async ({ service, key }: KeyRoute["Params"]) =>
    toldOwner(key, await served(client.owner(service, key)), backend.podsOf(service));

  const shardsOf = async ({ service }: ServiceRoute["Params"]) => {
    const [shards, lag] = await Promise.all([served(client.shards(service)), lags.of(service)]);
    return toldShards(shards, lag, backend.podsOf(service));
  };

  async function follow(
    request: FastifyRequest,
    reply: FastifyReply,
    { service, event, read }: { service: string; event: string; read: () => Promise<object> },
  ): Promise<FastifyReply> {
    // Refused as such where it is, and not by a stream.
    await read();
    const directory = await client.directory(service);
    const pods = backend.podsOf(service);
    const watches: Watch[] = [
      (listener) => directory.watch(({ kind }) => void (SEEN.has(kind) && listener())),
      ...(pods === undefined ? [] : [(listener: () => void) => pods.watch(listener)]),
    ];
    const signal = AbortSignal.any([(request.visit as Visit).signal, backend.closing]);
    const teller = {
      // Without ids: who comes back is told how it stands, not what he missed.
      tell: (item: object) => [eventOf(undefined, event, item)],
      problem: (error: unknown) => eventOf(undefined, "problem", toProblem(error)),
    };
    return sendEvents(
      reply,
      serverSentEvents(changes({ watches, read, essence, signal }), teller, heartbeatMs),
    );
  }

  app.get<KeyRoute>("/v1/:service/keys/:key", { onRequest }, async ({ params }, reply) => {
    return sendJson(reply.header("cache-control", "no-store"), await ownerOf(params));
  });

  app.get<KeyRoute>("/v1/:service/keys/:key/events", asEvents, async (request, reply) => {
    const { params } = request;
    return follow(request, reply, {
      service: params.service,
      event: "owner",
      read: () => ownerOf(params),
    });
  });

  app.get<ServiceRoute>("/v1/:service/shards", { onRequest }, async ({ params }, reply) => {
    return sendJson(reply.header("cache-control", "no-store"), await shardsOf(params));
  });

  app.get<ServiceRoute>("/v1/:service/shards/events", asEvents, async (request, reply) => {
    const { params } = request;
    return follow(request, reply, {
      service: params.service,
      event: "shards",
      read: () => shardsOf(params),
    });
  });
}

function essence(item: object): string {
  return JSON.stringify(item, (name, value) => (PASSING.has(name) ? undefined : value));
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
