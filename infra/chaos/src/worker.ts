// One replica of the service under test. Configured by the environment; what it does is written to the effect log.
import { randomUUID } from "node:crypto";
import { createKafkaLog } from "@shardcast/log-kafka";
import { createWorker } from "@shardcast/worker";
import { pino } from "pino";
import { openEffectLog } from "./effects.ts";
import { traced, tracedBroadcast } from "./handler.ts";
import { BROADCAST_HANDLER } from "./load/broadcasts.ts";

const member = process.env.SHARDCAST_MEMBER ?? "";
const logger = pino({ name: `worker-${member}`, level: process.env.CHAOS_LOG_LEVEL ?? "info" });
const { write, close } = openEffectLog(process.env.CHAOS_EFFECTS ?? "");
const log = createKafkaLog({ logger });
const trace = { member, incarnation: randomUUID(), write };
const worker = createWorker({ log, logger, ...traced(trace) });
worker.onBroadcast(BROADCAST_HANDLER, tracedBroadcast(trace));
process.once("SIGTERM", () => void worker.stop());
worker.start().then(
  () => process.send?.({ kind: "ready" }),
  (error: unknown) => logger.error({ err: error }, "did not start"), // stopped or fenced: `ended` tells
);
const { reason } = await worker.ended;
await log.close();
close();
process.exit(reason === "stopped" ? 0 : 1);
