import type { Log } from "@shardcast/log";
import { broadcastTopicsOf, ShardcastError } from "@shardcast/protocol";

/** Throws SHARDCAST_UNKNOWN_SERVICE for a service that has no topics for broadcasts. */
export async function assertBroadcastTopics(log: Log, service: string, prefix: string): Promise<void> {
  for (const { name } of Object.values(broadcastTopicsOf(service, { prefix }))) {
    if ((await log.partitionsOf(name)) !== undefined) continue;
    throw new ShardcastError(
      "SHARDCAST_UNKNOWN_SERVICE",
      `service ${service} has no topic ${name}: it was set up by a version without broadcasts`,
    );
  }
}
