import type { FastifyRequest } from "fastify";
import { binaryEvent } from "./cloud-events/binary.ts";
import type { CloudEvent } from "./cloud-events/event.ts";
import { isStructured, structuredEvent } from "./cloud-events/structured.ts";

/** What was sent, for the handler; of an event, its data. */
export interface Posted {
  readonly event: CloudEvent | undefined;
  readonly body: Buffer | undefined;
  readonly contentType: string | undefined;
}

/**
 * Takes body and event out of a request, whose body is then held by the caller alone (C7).
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST for what is an event by its headers, and is none
 */
export function takePosted(request: FastifyRequest): Posted {
  const body = request.body as Buffer | undefined;
  const contentType = request.bodyType;
  request.body = undefined;
  if (isStructured(contentType)) return structuredEvent(body ?? Buffer.alloc(0));
  return { event: binaryEvent(request.headers), body, contentType };
}
