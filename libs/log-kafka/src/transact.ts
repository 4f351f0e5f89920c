import { setTimeout as sleep } from "node:timers/promises";
import type { AppendRecord, CommitWork, LaneProgress } from "@shardcast/log";
import type { Producer, Transaction } from "kafkajs";
import { classify } from "./classify.ts";
import { toTopicMessages } from "./messages.ts";
import { addressOf, countFitting, sizeOf } from "./request-size.ts";

export interface TransactOptions {
  /** Consumer group of the progress. */
  readonly service: string;
  /** Topic of the progress. */
  readonly topic: string;
  readonly maxBatchBytes: number;
}

/** CONCURRENT_TRANSACTIONS lasts a couple of milliseconds. */
const CONCURRENT_WAIT_MS = 3;

/**
 * One transaction of progress and records; resolves to the offsets of the records. Progress always goes first, even if
 * there is none: only that may be answered CONCURRENT_TRANSACTIONS, while the transaction before is still being made
 * visible, and it can be repeated. So nothing of this one is seen before all of that one, and records are sent once.
 */
export async function transact(
  producer: Producer,
  options: TransactOptions,
  { progress, records }: Required<CommitWork>,
): Promise<number[]> {
  const transaction = await producer.transaction();
  await sendProgress(transaction, options, progress);
  const offsets = await sendRecords(transaction, records, options.maxBatchBytes);
  await transaction.commit();
  return offsets;
}

/** Ends by itself, since who waits for it cuts the link in the end. */
async function sendProgress(
  transaction: Transaction,
  { service, topic }: TransactOptions,
  progress: readonly LaneProgress[],
): Promise<void> {
  const partitions = progress.map(({ lane, offset, metadata }) => ({
    partition: lane,
    offset: String(offset),
    metadata,
  }));
  const topics = partitions.length > 0 ? [{ topic, partitions }] : [];
  for (;;) {
    try {
      // kafkajs retries this where the coordinator moves, but not for CONCURRENT_TRANSACTIONS.
      await transaction.sendOffsets({ consumerGroupId: service, topics });
      return;
    } catch (error) {
      if (classify(error) !== "concurrent") throw error;
      await sleep(CONCURRENT_WAIT_MS);
    }
  }
}

/** In as many requests as they need, one after the other, which keeps the order. */
async function sendRecords(
  transaction: Transaction,
  records: readonly AppendRecord[],
  maxBatchBytes: number,
): Promise<number[]> {
  const entries = records.map((record) => ({ record, bytes: sizeOf(record) }));
  const offsets: number[] = [];
  while (entries.length > 0) {
    const batch = entries.splice(0, countFitting(entries, maxBatchBytes)).map(({ record }) => record);
    const answers = await transaction.sendBatch({ acks: -1, topicMessages: toTopicMessages(batch) });
    const next = new Map<string, number>();
    for (const { topicName, partition, errorCode, baseOffset } of answers) {
      if (errorCode === 0) next.set(addressOf({ topic: topicName, partition }), Number(baseOffset));
    }
    for (const record of batch) {
      const address = addressOf(record);
      const offset = next.get(address);
      // kafkajs leaves out without a word what goes to a partition that it does not know.
      if (offset === undefined) throw new Error(`not confirmed by the broker: a record for ${address}`);
      next.set(address, offset + 1);
      offsets.push(offset);
    }
  }
  return offsets;
}
