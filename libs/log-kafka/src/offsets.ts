import type { LaneProgress, OffsetRange } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { AdminClient } from "./admin-client.ts";
import { toShardcastError } from "./classify.ts";

/** What each partition of a topic holds, by partition; up to where, the isolation of the admin client decides. */
export async function rangesOf(admin: AdminClient, topic: string): Promise<readonly OffsetRange[]> {
  try {
    const found = await admin.call("offsets", async (client) =>
      notEmpty(await client.fetchTopicOffsets(topic), topic),
    );
    const ranges: OffsetRange[] = [];
    for (const { partition, low, high } of found)
      ranges[partition] = { low: Number(low), high: Number(high) };
    return ranges;
  } catch (error) {
    throw toShardcastError(error, `offsets of ${topic}`);
  }
}

/** Asks the log for the range of one partition. */
export async function offsetsOf(admin: AdminClient, topic: string, partition: number): Promise<OffsetRange> {
  const range = (await rangesOf(admin, topic))[partition];
  if (range === undefined) {
    throw new ShardcastError("SHARDCAST_LOG_REFUSED", `there is no partition ${partition} of topic ${topic}`);
  }
  return range;
}

/** What a consumer group committed for a topic, by partition; without those it never committed. */
export async function progressOf(
  admin: AdminClient,
  groupId: string,
  topic: string,
): Promise<ReadonlyMap<number, LaneProgress>> {
  try {
    const partitions = await admin.call("progress", async (client) => {
      const answers = await client.fetchOffsets({ groupId, topics: [topic] });
      return notEmpty(answers.find((each) => each.topic === topic)?.partitions ?? [], topic);
    });
    const progress = partitions
      .map(({ partition, offset, metadata }) => ({
        lane: partition,
        offset: Number(offset),
        metadata: metadata ?? "",
      }))
      .filter(({ offset }) => offset >= 0)
      .sort((a, b) => a.lane - b.lane);
    return new Map(progress.map((each) => [each.lane, each]));
  } catch (error) {
    throw toShardcastError(error, `progress of ${groupId}`);
  }
}

/**
 * kafkajs asks for the partitions it knows of, and sometimes knows of none: a topic that is new to a client joins a refresh
 * of metadata that was begun without it. To take that for "never committed" would begin the lanes anew (C10).
 */
function notEmpty<T>(partitions: readonly T[], topic: string): readonly T[] {
  if (partitions.length > 0) return partitions;
  throw Object.assign(new Error(`kafkajs knows no partition of ${topic} yet`), {
    type: "LEADER_NOT_AVAILABLE",
  });
}
