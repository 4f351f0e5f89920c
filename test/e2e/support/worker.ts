// The worker process of the tests: handlers that leave a trace of where, when and by whom they ran.
import { setTimeout as sleep } from "node:timers/promises";
import { createKafkaLog } from "@shardcast/log-kafka";
import { createWorker, type Handler, type HandlerContext, type HandlerRequest } from "@shardcast/worker";
import { pino } from "pino";
import { type Effect, openEffectLog } from "./effects.ts";

/** Keys that begin with this take long, so that others of their lane overtake them. */
const SLOW = "slow";
const SLOW_MS = 600;

const [effectsFile = ""] = process.argv.slice(2);
const logger = pino({ name: "test-worker", level: "info" });
const effects = openEffectLog(effectsFile);

function trace(event: Effect["event"], { key, id, handler }: HandlerRequest, context: HandlerContext): void {
  const { lane, offset, attempt, member } = context;
  effects.write({ event, handler, key, id, lane, offset, attempt, member, pid: process.pid });
}

function answer({ id, key, body }: HandlerRequest, { member, lane, offset }: HandlerContext): object {
  return { id, key, body: body.toString(), member, lane, offset };
}

const append: Handler = async (request, context) => {
  trace("start", request, context);
  await sleep(request.key.startsWith(SLOW) ? SLOW_MS : context.offset % 8);
  trace("end", request, context);
  return answer(request, context);
};

const fail: Handler = (request, context) => {
  trace("start", request, context);
  trace("end", request, context);
  throw new Error(`poison for ${request.key}`);
};

const log = createKafkaLog({ logger });
// Strangers name no handler: theirs is the default one.
const worker = createWorker({
  log,
  logger,
  handlers: { echo: answer, append, fail },
  defaultHandler: append,
});
process.once("SIGTERM", () => void worker.stop());
await worker.start();
const { reason } = await worker.ended;
await log.close();
effects.close();
process.exit(reason === "stopped" ? 0 : 1);
