import { createKafkaLog } from "@shardcast/log-kafka";
import { createWorker } from "@shardcast/worker";
import { destination, pino } from "pino";
import { nowMs } from "../clock.ts";
import { countRequests } from "./request-count.ts";
import { onStop, say } from "./say.ts";

/** One replica whose lanes come and go; its handler tells who answers. Configured by the environment. */
say({ kind: "begun", atMs: nowMs() });
const requests = countRequests();
const logger = pino({ level: "warn" }, destination(2));
const log = createKafkaLog({ logger });
const worker = createWorker({
  log,
  logger,
  handlers: { owner: ({ body }) => `${process.pid} ${body.toString("latin1")}` },
});
worker.on("laneAcquired", ({ lane }) => say({ kind: "lane", event: "acquired", lane, atMs: nowMs() }));
worker.on("laneReleased", ({ lane }) => say({ kind: "lane", event: "released", lane, atMs: nowMs() }));
worker.on("laneLost", ({ lane }) => say({ kind: "lane", event: "lost", lane, atMs: nowMs() }));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  say({ kind: "usage", cpuMs: (user + system) / 1_000, atMs: nowMs(), requests: new Map(requests) });
});
void worker.ended.then(({ reason }) => {
  if (reason === "fenced") process.exit(1);
});
onStop(async () => {
  await worker.stop();
  await log.close();
});
await worker.start();
say({ kind: "ready" });
