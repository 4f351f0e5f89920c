import { createKafkaLog } from "@shardcast/log-kafka";
import { createWorker } from "@shardcast/worker";
import { destination, pino } from "pino";
import { onStop, say } from "./say.ts";

/** One replica of the service under test; its handler gives back what it got. Configured by the environment. */
const logger = pino({ level: "warn" }, destination(2));
const log = createKafkaLog({ logger });
const worker = createWorker({ log, logger, defaultHandler: ({ body }) => body });
onStop(async () => {
  await worker.stop();
  await log.close();
});
await worker.start();
say({ kind: "ready" });
