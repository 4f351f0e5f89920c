import type { IncomingHttpHeaders } from "node:http";

const NO_HEADERS = Object.freeze({});

/**
 * The headers that the handler gets.
 *
 * @param names of those that are configured to travel, in lower case
 * @param attributes of an event, which go before what is configured
 */
export function travellingHeaders(
  headers: IncomingHttpHeaders,
  names: readonly string[],
  attributes?: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (names.length === 0) return attributes ?? NO_HEADERS;
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) picked[name] = typeof value === "string" ? value : value.join(", ");
  }
  return attributes === undefined ? picked : { ...picked, ...attributes };
}
