import { ShardcastError } from "@shardcast/protocol";

/** What a caller's header or parameter is refused with. */
export function invalidRequest(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}
