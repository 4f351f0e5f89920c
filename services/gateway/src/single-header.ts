import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { invalidRequest } from "@shardcast/http-words";

/**
 * The value of a header, as UTF-8. Sent twice, nobody could tell which of the two somebody before us has checked.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the header
 */
export function singleHeader(request: IncomingMessage, name: string): string | undefined {
  const [value, ...more] = request.headersDistinct[name] ?? [];
  if (value === undefined) return undefined;
  if (more.length > 0) throw invalidRequest(`${name}: is there more than once`);
  const bytes = Buffer.from(value, "latin1");
  if (!isUtf8(bytes)) throw invalidRequest(`${name}: is not UTF-8`);
  return bytes.toString();
}
