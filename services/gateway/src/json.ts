import type { FastifyReply } from "fastify";

/** As a buffer, because Fastify would add a charset parameter to a string's type. */
export function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply.header("content-type", "application/json").send(Buffer.from(JSON.stringify(body)));
}
