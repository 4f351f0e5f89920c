import { ShardcastError } from "@shardcast/protocol";
import type { AppendRecord } from "../append-record.ts";
import type { MemoryCluster } from "./memory-cluster.ts";
import type { MemoryPartition } from "./memory-partition.ts";
import { recordBytes } from "./stored-record.ts";

/** Throws SHARDCAST_LOG_UNAVAILABLE during an outage: calls fail at once instead of waiting. */
export function assertAvailable(cluster: MemoryCluster): void {
  if (!cluster.available) throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "the log is not available");
}

/** Throws SHARDCAST_BODY_TOO_LARGE. */
export function assertFits({ maxRecordBytes }: MemoryCluster, record: AppendRecord): void {
  const bytes = recordBytes(record);
  if (bytes <= maxRecordBytes) return;
  throw new ShardcastError(
    "SHARDCAST_BODY_TOO_LARGE",
    `the record has ${bytes} bytes; at most ${maxRecordBytes}`,
  );
}

/** Where a record goes. Throws SHARDCAST_LOG_REFUSED when there is no such partition. */
export function partitionOf(cluster: MemoryCluster, { topic, partition }: AppendRecord): MemoryPartition {
  const found = cluster.partition(topic, partition);
  if (found === undefined) throw refusedError(`there is no ${topic}/${partition}`);
  return found;
}

export function closedError(what: "log" | "reader" | "session"): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", `the ${what} is closed`);
}

export function refusedError(reason: string): ShardcastError {
  return new ShardcastError("SHARDCAST_LOG_REFUSED", reason);
}
