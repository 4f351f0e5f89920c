import { bareKafka, DURABLE, PROMPT } from "../kafka.ts";
import { onStop, required, say } from "../processes/say.ts";

/** A replica of the prototype: one batch of its lane in flight, the next one when all its replies are on the log. */
const COMMIT_MS = 5_000;
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
// As often as the Java client commits; kafkajs by itself would after each batch, and wait for it.
const done = new Map<number, string>();
setInterval(() => {
  const topic = `${prefix}prototype.requests`;
  const offsets = [...done].map(([partition, last]) => ({
    topic,
    partition,
    offset: String(Number(last) + 1),
  }));
  if (offsets.length > 0) consumer.commitOffsets(offsets).catch(() => {});
}, COMMIT_MS).unref();
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    const messages = await Promise.all(
      batch.messages.map(async ({ headers, value }) => ({
        key: headers?.id as Buffer,
        value: await handle(value),
      })),
    );
    await producer.send({ topic: `${prefix}prototype.replies`, acks: -1, messages });
    done.set(batch.partition, batch.lastOffset());
  },
});
