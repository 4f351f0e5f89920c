import { nowMs } from "../clock.ts";
import { bareKafka, DURABLE } from "../kafka.ts";
import { onStop, required, say } from "./say.ts";

/** Sends a record with the time to one partition of the group's topic all the time, to the one it was told of last. */
const PROBE_MS = 10;
const topic = required("GROUP_TOPIC");
const producer = bareKafka("group-prober").producer(DURABLE);
let partition: number | undefined;

process.on("message", (job: { readonly partition: number }) => {
  partition = job.partition;
});
process.channel?.ref();
onStop(() => producer.disconnect());
await producer.connect();
setInterval(() => {
  if (partition === undefined) return;
  const messages = [{ value: String(nowMs()), partition }];
  producer.send({ topic, acks: -1, messages }).catch(() => {}); // the next one comes soon
}, PROBE_MS);
say({ kind: "ready" });
