// The worker process of the tests: handlers that leave a trace of where, when and by whom they ran.
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createLedger } from "@shardcast/accounts";
import { createKafkaLog } from "@shardcast/log-kafka";
import {
  type BroadcastHandler,
  createWorker,
  type Handler,
  type HandlerContext,
  type HandlerRequest,
  reply,
  TerminalError,
} from "@shardcast/worker";
import { pino } from "pino";
import { type Effect, gateOf, openEffectLog, type Told, toldFile } from "./effects.ts";

/** Keys that begin with this take long, so that others of their lane overtake them. */
const SLOW = "slow";
const SLOW_MS = 600;

/** While this file is missing, `hold` holds. */
const GO = ".go";

const [effectsFile = "", ledgerDir = ""] = process.argv.slice(2);
const logger = pino({ name: "test-worker", level: "info" });
const effects = openEffectLog(effectsFile);

const ledger = createLedger(ledgerDir);

function trace(
  event: Effect["event"],
  { key, id, handler }: HandlerRequest,
  { lane, offset, attempt, member, fencingToken }: HandlerContext,
  more: Pick<Effect, "aborted" | "refused"> = {},
): void {
  const { pid } = process;
  effects.write({ event, handler, key, id, lane, offset, attempt, member, pid, fencingToken, ...more });
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

/** Loads an account, is held, and stores it: a process that is stopped meanwhile wakes up as a zombie. */
const hold: Handler = async (request, context) => {
  trace("start", request, context);
  const { balance } = await ledger.load(request.keyBytes);
  while (!existsSync(`${effectsFile}${GO}`)) await sleep(10);
  const stored = ledger.save(request.keyBytes, { balance: balance + 1, entries: [] }, context);
  const refused = await stored.then(
    () => undefined,
    (error: Error) => error.name,
  );
  trace("end", request, context, {
    aborted: context.signal.aborted,
    ...(refused === undefined ? {} : { refused }),
  });
  return answer(request, context);
};

/** Waits until there is a file for its key, unless it is told to stop. */
async function gate({ key }: HandlerRequest, { signal }: HandlerContext): Promise<void> {
  while (!existsSync(gateOf(effectsFile, key))) await sleep(10, undefined, { signal });
}

const gated: Handler = async (request, context) => {
  trace("start", request, context);
  await gate(request, context);
  trace("end", request, context);
  return reply({ status: 201, headers: { "x-by": "gated" }, body: { of: request.key } });
};

const refuse: Handler = async (request, context) => {
  trace("start", request, context);
  await gate(request, context);
  trace("end", request, context);
  throw new TerminalError("not enough", { status: 409, details: { balance: 3 } });
};

const fail: Handler = (request, context) => {
  trace("start", request, context);
  trace("end", request, context);
  throw new Error(`poison for ${request.key}`);
};

const told = openEffectLog<Told>(toldFile(effectsFile));

/** Leaves a trace, and is held while there is no file of its text: not by its signal, as those that do not listen to it. */
const note: BroadcastHandler = async (broadcast, { member, attempt }) => {
  const { pid } = process;
  const text = broadcast.text();
  told.write({ event: "begun", id: broadcast.id, text, member, attempt, pid });
  while (text.startsWith("held") && !existsSync(gateOf(effectsFile, text))) await sleep(10);
  told.write({ event: "acted", id: broadcast.id, text, member, attempt, pid });
  return { member, pid };
};

const log = createKafkaLog({ logger });
// Strangers name no handler: theirs is the default one.
const worker = createWorker({
  log,
  logger,
  handlers: { echo: answer, append, fail, gated, hold, refuse },
  onLaneAcquired: (lane, { fencingToken }) => ledger.fence({ lane, fencingToken }),
  defaultHandler: append,
});
worker.onBroadcast("note", note);
process.once("SIGTERM", () => void worker.stop());
await worker.start();
const { reason } = await worker.ended;
await log.close();
effects.close();
told.close();
process.exit(reason === "stopped" ? 0 : 1);
