import type { IncomingHttpHeaders } from "node:http";
import { invalidRequest } from "@shardcast/http-words";

/** What a gateway does and this does not. Overlooked, a caller would rely on what does not happen. */
const GATEWAYS_ONLY = {
  "callback-url": "Callback-URL",
  delay: "Delay",
  "delay-until": "Delay-Until",
  "ce-specversion": "ce-specversion: CloudEvents",
} as const;

/** @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names what is not offered here */
export function assertOffered(headers: IncomingHttpHeaders, contentType = ""): void {
  for (const [name, shown] of Object.entries(GATEWAYS_ONLY)) {
    if (headers[name] !== undefined)
      throw invalidRequest(`${shown}: not offered by the sidecar; a gateway has it`);
  }
  if (/^\s*application\/cloudevents/i.test(contentType)) {
    throw invalidRequest("Content-Type: CloudEvents are not taken by the sidecar; a gateway does");
  }
}
