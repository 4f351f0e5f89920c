import type { IncomingHttpHeaders } from "node:http";
import { invalidRequest } from "@shardcast/http-words";
import { type CloudEvent, eventOf, REQUIRED } from "./event.ts";

const PREFIX = "ce-";
const ESCAPED = /(?:%[0-9A-Fa-f]{2})+/g;
const QUOTED = /^"(.*)"$/s;

/**
 * The event whose attributes are the headers `ce-…` and whose data is the body (CloudEvents' HTTP binding, binary mode).
 * Undefined for a request that is none: without any of the headers that every event has.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the header
 */
export function binaryEvent(headers: IncomingHttpHeaders): CloudEvent | undefined {
  if (REQUIRED.every((name) => headers[PREFIX + name] === undefined)) return undefined;
  const attributes = new Map<string, string>();
  for (const name in headers) {
    if (!name.startsWith(PREFIX)) continue;
    attributes.set(name.slice(PREFIX.length), decoded(String(headers[name]), name));
  }
  // The Content-Type says it in this mode.
  attributes.delete("datacontenttype");
  return eventOf(attributes, (attribute) => PREFIX + attribute);
}

/** Quoted or not, percent-encoded where HTTP could not carry it (3.1.3.2). */
function decoded(value: string, name: string): string {
  const [, quoted] = QUOTED.exec(value) ?? [];
  const text = quoted === undefined ? value : quoted.replaceAll(/\\(.)/g, "$1");
  try {
    return text.replaceAll(ESCAPED, (escaped) => decodeURIComponent(escaped));
  } catch {
    throw invalidRequest(`${name}: is not percent-encoded UTF-8`);
  }
}
