import { createKafkaLog } from "@shardcast/log-kafka";
import { createSubscriber } from "@shardcast/worker";
import { destination, pino } from "pino";
import { onStop, required, say } from "./say.ts";

/** Several members of the service that only take broadcasts, on one connection to the log. Configured by the environment. */
const logger = pino({ level: "warn" }, destination(2));
const log = createKafkaLog({ logger });
const members = required("BENCH_MEMBERS")
  .split(",")
  .map((member) => {
    const subscriber = createSubscriber({ log, logger, member });
    subscriber.onBroadcast("", ({ body }) => body);
    return subscriber;
  });
onStop(async () => {
  await Promise.all(members.map((member) => member.stop()));
  await log.close();
});
await Promise.all(members.map((member) => member.start()));
say({ kind: "ready" });
