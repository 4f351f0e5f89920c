import type { Log } from "@shardcast/log";
import { encodeReplyFence, isShardcastError, type ServiceTopics, ShardcastError } from "@shardcast/protocol";
import pRetry from "p-retry";

/** A partition that changes hands refuses for a moment; beyond that the caller decides. */
const RETRIES = { retries: 3, minTimeout: 50, maxTimeout: 500, randomize: true };

/**
 * Ends these owners' replies (C4): marks every partition of `S.replies`, so that a reply that comes after the mark and
 * carries a lane's token or a lower one is dropped. Whoever fences an owner calls this when its lease has run out and
 * before its lanes are claimed or released. Resolves when all marks are on the log; doing it again does no harm.
 *
 * @param tokens The last token that is over, by lane; nothing happens when there is none.
 * @throws {ShardcastError} SHARDCAST_UNKNOWN_SERVICE without a topic for replies; as `Log.append`
 */
export async function fenceReplies(
  log: Log,
  topics: Pick<ServiceTopics, "replies">,
  tokens: ReadonlyMap<number, number>,
): Promise<void> {
  if (tokens.size === 0) return;
  const topic = topics.replies.name;
  const partitions = await log.partitionsOf(topic);
  if (partitions === undefined) {
    throw new ShardcastError("SHARDCAST_UNKNOWN_SERVICE", `there is no topic ${topic}`);
  }
  const mark = encodeReplyFence({ tokens });
  const append = (partition: number) =>
    pRetry(() => log.append({ topic, partition, ...mark }), {
      ...RETRIES,
      shouldRetry: ({ error }) =>
        isShardcastError(error) && error.retryable && error.code !== "SHARDCAST_CLOSED",
    });
  await Promise.all(Array.from({ length: partitions }, (_, partition) => append(partition)));
}
