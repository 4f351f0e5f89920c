// One replica of the service under test. Configured by the environment; what it does is written to the effect log.
import { randomUUID } from "node:crypto";
import { createKafkaLog } from "@shardcast/log-kafka";
import { createWorker, serveHealth } from "@shardcast/worker";
import { pino } from "pino";
import { openEffectLog } from "./effects.ts";
import { traced, tracedBroadcast } from "./handler.ts";
import { BROADCAST_HANDLER } from "./load/broadcasts.ts";

/** An ordinal, or the name of a pod: `accounts-2` is member 2. */
const member = /[0-9]+$/.exec(process.env.SHARDCAST_MEMBER ?? "")?.[0] ?? "";
const logger = pino({ name: `worker-${member}`, level: process.env.CHAOS_LOG_LEVEL ?? "info" });
const { write, close } = openEffectLog(process.env.CHAOS_EFFECTS ?? "");
const log = createKafkaLog({ logger });
const trace = { member, incarnation: randomUUID(), write };
const worker = createWorker({ log, logger, ...traced(trace) });
worker.onBroadcast(BROADCAST_HANDLER, tracedBroadcast(trace));
const { CHAOS_HOST: host, CHAOS_PORT: port } = process.env;
// Where Kubernetes asks whether it is ready.
const health =
  port === undefined ? undefined : await serveHealth(() => worker.readiness(), { host, port: Number(port) });
process.once("SIGTERM", () => void worker.stop());
worker.start().then(
  () => process.send?.({ kind: "ready" }),
  (error: unknown) => logger.error({ err: error }, "did not start"), // stopped or fenced: `ended` tells
);
const { reason } = await worker.ended;
await log.close();
await health?.close();
close();
process.exit(reason === "stopped" ? 0 : 1);
