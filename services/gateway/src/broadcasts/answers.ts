import { type BroadcastStatus, toBroadcastJson } from "@shardcast/protocol";
import type { FastifyReply } from "fastify";
import type { Visit } from "../visits.ts";

/** Where a broadcast can be asked for. */
export function broadcastLocation(service: string, id: string): string {
  return `/v1/${service}/broadcasts/${id}`;
}

/** What is known of a broadcast. */
export function sendBroadcast(reply: FastifyReply, visit: Visit, status: BroadcastStatus): FastifyReply {
  return sendHeld(reply, visit, toBroadcastJson(status));
}

/** The visit holds it until it is gone: the replies of many members may be large (C7). */
export function sendHeld(reply: FastifyReply, visit: Visit, document: object): FastifyReply {
  const body = Buffer.from(JSON.stringify(document));
  visit.hold(body.byteLength);
  return reply.header("cache-control", "no-store").header("content-type", "application/json").send(body);
}
