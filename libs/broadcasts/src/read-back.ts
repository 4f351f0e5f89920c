import type { Log, LogRecord } from "@shardcast/log";
import { type BroadcastEnvelope, decodeBroadcast } from "@shardcast/protocol";
import { patiently } from "./patience.ts";

/** Where a broadcast lies. */
export interface Place {
  readonly service: string;
  readonly topic: string;
  readonly offset: number;
}

/**
 * A broadcast with all that is not kept in memory; undefined when retention has removed it.
 *
 * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
 */
export async function readBack(log: Log, place: Place): Promise<BroadcastEnvelope | undefined> {
  const { service, topic, offset } = place;
  let found: LogRecord | undefined;
  const reader = await log.openReader({
    topics: [topic],
    isolation: "uncommitted",
    start: [{ topic, partition: 0, from: offset }],
    onRecords: (records) => {
      found ??= records.find((record) => record.offset === offset);
    },
  });
  try {
    await patiently(reader.reached(topic, 0, offset + 1), `reading ${topic} back`);
  } finally {
    await reader.close();
  }
  const decoded = found && decodeBroadcast(found, service);
  return decoded?.kind === "broadcast" ? decoded.broadcast : undefined;
}
