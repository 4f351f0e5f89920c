import type { IncomingHttpHeaders } from "node:http";
import { invalidRequest } from "./invalid-request.ts";

/**
 * Whether the request is to be cancelled when its caller disconnects: `Shardcast-On-Disconnect: cancel`. Otherwise it stays on
 * the log and runs.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the header
 */
export function cancelsOnDisconnect(headers: IncomingHttpHeaders): boolean {
  const header = headers["shardcast-on-disconnect"];
  if (header === undefined) return false;
  if (header === "cancel") return true;
  throw invalidRequest("Shardcast-On-Disconnect: must be cancel");
}
