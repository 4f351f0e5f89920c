import { MAX_EXPECTED, parseAck } from "@shardcast/protocol";
import { invalidRequest } from "./invalid-request.ts";

/** How many must acknowledge a broadcast, as clients take it. */
export type Ack = "all" | "quorum" | "none" | number;

/**
 * What the parameter `ack` of a broadcast says.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the parameter
 */
export function ackOf(text: string): Ack {
  const ack = parseAck(text);
  if (ack === undefined || (ack.kind === "count" && ack.count > MAX_EXPECTED)) {
    throw invalidRequest(`ack: must be all, quorum, none, or a number from 1 to ${MAX_EXPECTED}`);
  }
  return ack.kind === "count" ? ack.count : ack.kind;
}
