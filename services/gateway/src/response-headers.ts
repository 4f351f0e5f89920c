import type { FastifyReply } from "fastify";
import type { Logger } from "pino";

/** Headers that belong to the connection or are computed here (RFC 9110, 7.6.1): a handler does not set them. */
const OURS = new Set([
  "connection",
  "content-length",
  "date",
  "idempotency-replayed",
  "keep-alive",
  "preference-applied",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "shardcast-kept-for",
  "shardcast-request-id",
  "shardcast-request-state",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused
const VALUE = /^[^\u0000-\u0008\u000a-\u001f\u007f\u0100-\uffff]*$/;

/** Sets the headers of a handler's reply. What may not be sent is dropped and logged: the reply itself is good. */
export function setHandlerHeaders(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  logger: Logger,
): void {
  for (const name in headers) setHandlerHeader(reply, name, headers[name] as string, logger);
}

/** The same for one. Checked here, because Node throws where we only drop. */
export function setHandlerHeader(reply: FastifyReply, name: string, value: string, logger: Logger): void {
  if (!NAME.test(name) || !VALUE.test(value)) {
    logger.warn({ header: name.slice(0, 100) }, "a handler's header is not valid HTTP; dropped");
  } else if (OURS.has(name.toLowerCase())) {
    logger.debug({ header: name }, "a handler may not set this header; dropped");
  } else {
    reply.header(name, value);
  }
}
