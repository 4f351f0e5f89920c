import { ShardcastError } from "@shardcast/protocol";

export function closedError(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the broadcasts are closed");
}

export function invalid(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}

export function unknown(id: string): ShardcastError {
  return new ShardcastError("SHARDCAST_UNKNOWN_BROADCAST", `no broadcast ${id} is known`);
}

/** Whoever comes again in a second may find room (C7). */
export function overloaded(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_OVERLOADED", detail, { extensions: { retryAfterSeconds: 1 } });
}
