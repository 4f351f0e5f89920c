import { Kafka, logLevel } from "kafkajs";
import { nowMs } from "../clock.ts";
import { onStop, required, say } from "./say.ts";

/** One consumer of an ordinary group, as kafkajs makes it when nothing is said. Tells what it was assigned and what it handled. */
const topic = required("GROUP_TOPIC");
const kafka = new Kafka({
  brokers: required("SHARDCAST_KAFKA_BROKERS").split(","),
  clientId: "ordinary-consumer",
  logLevel: logLevel.NOTHING,
});
const consumer = kafka.consumer({ groupId: topic });
onStop(() => consumer.disconnect());
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  say({ kind: "assigned", partitions: Object.values(payload.memberAssignment).flat() });
});
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({
  eachMessage: async ({ partition, message }) => {
    say({ kind: "handled", partition, sentMs: Number(message.value), atMs: nowMs() });
  },
});
