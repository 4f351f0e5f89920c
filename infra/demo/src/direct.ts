import { randomUUID } from "node:crypto";
import type { HandlerContext, HandlerRequest } from "@shardcast/worker";
import { pino } from "pino";
import type { Call } from "./call.ts";
import { laneOfKey } from "./names.ts";
import { type Replica, SERVICE } from "./replica.ts";

/** Calls a replica's handler as a load balancer would: no log, no lane, whoever's turn it is. Returns the request's id. */
export async function callDirectly(replica: Replica, made: Call): Promise<string> {
  const request = requestOf(made);
  const handler = replica.handlers[made.handler];
  if (handler === undefined) throw new RangeError(`there is no handler ${made.handler}`);
  await handler(request, contextOf(replica, made));
  return request.id;
}

function requestOf({ key, handler, body = {} }: Call): HandlerRequest {
  const bytes = Buffer.from(JSON.stringify(body));
  return {
    id: randomUUID(),
    key,
    keyBytes: Buffer.from(key),
    handler,
    contentType: "application/json",
    headers: {},
    body: bytes,
    text: () => bytes.toString(),
    json: <T>() => JSON.parse(bytes.toString()) as T,
  };
}

function contextOf({ worker }: Replica, { key }: Call): HandlerContext {
  return {
    service: SERVICE,
    member: worker.member,
    lane: laneOfKey(key),
    fencingToken: Number.MAX_SAFE_INTEGER,
    offset: -1,
    attempt: 1,
    deadlineMs: undefined,
    remainingMs: () => Number.POSITIVE_INFINITY,
    traceparent: undefined,
    signal: new AbortController().signal,
    logger: pino({ level: "silent" }),
  };
}
