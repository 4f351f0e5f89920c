import { ShardcastError } from "@shardcast/protocol";
import type { AdminClient } from "./admin-client.ts";
import { toShardcastError } from "./classify.ts";

/** The records a partition holds: from `low` to before `high`. */
export interface OffsetRange {
  readonly low: number;
  readonly high: number;
}

/** Asks the log for the range of one partition. */
export async function offsetsOf(admin: AdminClient, topic: string, partition: number): Promise<OffsetRange> {
  let found: { partition: number; low: string; high: string }[];
  try {
    found = await admin.call("offsets", (client) => client.fetchTopicOffsets(topic));
  } catch (error) {
    throw toShardcastError(error, `offsets of ${topic}`);
  }
  const range = found.find((each) => each.partition === partition);
  if (range === undefined) {
    throw new ShardcastError("SHARDCAST_LOG_REFUSED", `there is no partition ${partition} of topic ${topic}`);
  }
  return { low: Number(range.low), high: Number(range.high) };
}

/** What a consumer group committed for a topic, by partition; without those it never committed. */
export async function committedOf(
  admin: AdminClient,
  groupId: string,
  topic: string,
): Promise<ReadonlyMap<number, { readonly offset: number; readonly metadata: string }>> {
  const answers = await admin.call("progress", (client) => client.fetchOffsets({ groupId, topics: [topic] }));
  const partitions = answers.find((each) => each.topic === topic)?.partitions ?? [];
  return new Map(
    partitions
      .map(
        ({ partition, offset, metadata }) =>
          [partition, { offset: Number(offset), metadata: metadata ?? "" }] as const,
      )
      .filter(([, { offset }]) => offset >= 0),
  );
}
