import { bareKafka, DURABLE, PROMPT } from "../kafka.ts";
import { onStop, say } from "../processes/say.ts";
import { ANSWER, ASK } from "./topics.ts";

/** The floor's other half: consume → produce, nothing in between. */
const kafka = bareKafka("floor-echo");
const producer = kafka.producer(DURABLE);
const consumer = kafka.consumer({ ...PROMPT, groupId: `${ASK}.group` });
onStop(async () => {
  await consumer.disconnect();
  await producer.disconnect();
});
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topics: [ASK], fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, () => say({ kind: "ready" }));
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    const messages = batch.messages.map(({ key, value }) => ({ key, value, partition: 0 }));
    // Not awaited, so that the next fetch is on its way while the broker writes.
    void producer.send({ topic: ANSWER, acks: -1, messages });
  },
});
