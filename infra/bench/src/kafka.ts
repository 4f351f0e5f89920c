import { connect } from "node:net";
import { Kafka, logLevel } from "kafkajs";
import { required } from "./processes/say.ts";

/**
 * Bare kafkajs, without anything of Shardcast, for what Shardcast is compared with. Nagle's algorithm is off as it is in
 * our driver: the comparison shall be with the best that kafkajs can do.
 */
export function bareKafka(clientId: string, brokers = required("SHARDCAST_KAFKA_BROKERS").split(",")): Kafka {
  return new Kafka({
    brokers,
    clientId,
    logLevel: logLevel.NOTHING,
    socketFactory: ({ host, port, onConnect }) =>
      connect({ host, port, noDelay: true, keepAlive: true }, onConnect),
  });
}

/** Of every producer here: the durability of ours (acks=all, no duplicates by retries). */
export const DURABLE = { idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false } as const;

/** Of every consumer here: the fetch settings of ours. */
export const PROMPT = { minBytes: 1, maxWaitTimeInMs: 100, allowAutoTopicCreation: false } as const;

/** Creates topics, and waits for their leaders. */
export async function createTopics(
  brokers: readonly string[],
  topics: Readonly<Record<string, number>>,
): Promise<void> {
  const admin = bareKafka("shardcast-bench-admin", [...brokers]).admin();
  await admin.connect();
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: Object.entries(topics).map(([topic, numPartitions]) => ({ topic, numPartitions })),
    });
  } finally {
    await admin.disconnect();
  }
}

/** Removes what a bench left on a broker that is not its own. */
export async function deleteTopics(brokers: readonly string[], prefix: string): Promise<void> {
  const admin = bareKafka("shardcast-bench-admin", [...brokers]).admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}
