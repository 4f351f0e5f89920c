import { setTimeout as sleep } from "node:timers/promises";
import { createKafkaLog } from "@shardcast/log-kafka";
import { createWorker } from "@shardcast/worker";
import { destination, pino } from "pino";
import { onStop, say } from "./say.ts";

/** How long the named handler takes. */
const WORK_MS = 10;

/**
 * One replica of the service under test; its handler gives back what it got, the named one after a while and with who answers.
 * Configured by the environment.
 */
const logger = pino({ level: "warn" }, destination(2));
const log = createKafkaLog({ logger });
const worker = createWorker({
  log,
  logger,
  defaultHandler: ({ body }) => body,
  handlers: {
    owner: async ({ body }) => {
      await sleep(WORK_MS);
      return `${process.pid} ${body.toString("latin1")}`;
    },
  },
});
onStop(async () => {
  await worker.stop();
  await log.close();
});
await worker.start();
say({ kind: "ready" });
