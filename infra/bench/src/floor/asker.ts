import { bareKafka, DURABLE, PROMPT } from "../kafka.ts";
import { onStop, say } from "../processes/say.ts";
import { ANSWER, ASK } from "./topics.ts";

/** The floor: how long produce → consume → produce → consume takes with kafkajs alone, one request at a time. */
const kafka = bareKafka("floor-asker");
const producer = kafka.producer(DURABLE);
const consumer = kafka.consumer({ ...PROMPT, groupId: `${ANSWER}.group` });
const waiting = new Map<string, () => void>();
let sequence = 0;

process.on("message", ({ durationMs }: { durationMs: number }) => {
  void ask(durationMs).then((samples) => say({ kind: "samples", samples }));
});
onStop(async () => {
  await consumer.disconnect();
  await producer.disconnect();
});
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topics: [ANSWER], fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, () => say({ kind: "ready" }));
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    for (const { key } of batch.messages) waiting.get(String(key))?.();
  },
});

async function ask(durationMs: number): Promise<Float64Array> {
  const samples: number[] = [];
  const value = "x".repeat(64);
  const endMs = performance.now() + durationMs;
  for (let begunMs = performance.now(); begunMs < endMs; begunMs = performance.now()) {
    const key = String(sequence++);
    const answered = new Promise<void>((resolve) => waiting.set(key, resolve));
    const sent = producer.send({ topic: ASK, acks: -1, messages: [{ key, value, partition: 0 }] });
    await answered;
    samples.push(performance.now() - begunMs);
    waiting.delete(key);
    await sent;
  }
  return Float64Array.from(samples);
}
