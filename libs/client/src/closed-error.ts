import { ShardcastError } from "@shardcast/protocol";

export function closedError(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the client is closed");
}
