import { bareKafka, DURABLE, PROMPT } from "../kafka.ts";
import { onStop, required, say } from "../processes/say.ts";

/** A replica of the prototype: one batch of its lane in flight, the next one when all its replies are on the log. */
const prefix = required("SHARDCAST_TOPIC_PREFIX");
const kafka = bareKafka("prototype-worker");
const producer = kafka.producer(DURABLE);
const consumer = kafka.consumer({ ...PROMPT, groupId: `${prefix}prototype` });

async function handle(body: Buffer | null): Promise<Buffer | null> {
  return body;
}

onStop(async () => {
  await consumer.disconnect();
  await producer.disconnect();
});
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topics: [`${prefix}prototype.requests`], fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  const lanes = Object.values(payload.memberAssignment).flat().length;
  say({ kind: "assigned", lanes });
});
await consumer.run({
  autoCommitInterval: 5_000, // as the Java client; kafkajs alone would commit after each batch
  eachBatch: async ({ batch }) => {
    const messages = await Promise.all(
      batch.messages.map(async ({ headers, value }) => ({
        key: headers?.id as Buffer,
        value: await handle(value),
      })),
    );
    await producer.send({ topic: `${prefix}prototype.replies`, acks: -1, messages });
  },
});
