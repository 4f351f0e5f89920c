import { ShardcastError } from "@shardcast/protocol";
import type { MemoryCluster } from "./memory-cluster.ts";

/** Throws SHARDCAST_LOG_UNAVAILABLE during an outage: calls fail at once instead of waiting. */
export function assertAvailable(cluster: MemoryCluster): void {
  if (!cluster.available) throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "the log is not available");
}

export function closedError(what: "log" | "reader" | "session"): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", `the ${what} is closed`);
}

export function refusedError(reason: string): ShardcastError {
  return new ShardcastError("SHARDCAST_LOG_REFUSED", reason);
}
