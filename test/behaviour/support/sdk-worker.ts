// The ledger of the examples as a worker with the SDK: what the applications behind a sidecar are measured by.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { accountHandlers, createLedger } from "@shardcast/accounts";
import { createKafkaLog } from "@shardcast/log-kafka";
import { createWorker, type Handler, RetryableError } from "@shardcast/worker";
import { pino } from "pino";
import { openEffectLog } from "../../e2e/support/effects.ts";
import type { Booking, Told } from "./journal.ts";

const { LEDGER_DIR = "", LEDGER_JOURNAL = "", LEDGER_WORK_MS } = process.env;
const logger = pino({ name: "sdk-worker" });
const journal = openEffectLog<Booking | Told>(LEDGER_JOURNAL);
const ledger = createLedger(LEDGER_DIR);
const { pid } = process;

function journaled(handler: Handler): Handler {
  return async (request, context) => {
    const { key, id } = request;
    const { lane, offset, attempt, member, fencingToken } = context;
    const remainingMs = context.remainingMs();
    const of = {
      handler: request.handler,
      key,
      id,
      lane,
      offset,
      attempt,
      member,
      fencingToken,
      remainingMs,
    };
    const write = (event: "start" | "end") => journal.write({ event, atMs: Date.now(), pid, ...of });
    write("start");
    try {
      if (existsSync(join(LEDGER_DIR, `${encodeURIComponent(key)}.audit`))) {
        throw new RetryableError("the account is under audit", { retryAfterMs: 1_000 });
      }
      await sleep(Number(LEDGER_WORK_MS));
      return await handler(request, context);
    } finally {
      write("end");
    }
  };
}

const log = createKafkaLog({ logger });
const { deposit, withdraw, balance } = accountHandlers({ ledger });
const worker = createWorker({
  log,
  logger,
  handlers: { deposit: journaled(deposit), withdraw: journaled(withdraw), balance: journaled(balance) },
  onLaneAcquired: (lane, { fencingToken }) => ledger.fence({ lane, fencingToken }),
});
worker.onBroadcast("interest", (broadcast, { member }) => {
  const { percent } = broadcast.json<{ percent: number }>();
  journal.write({ event: "interest", id: broadcast.id, member, percent });
  return { member, percent };
});
process.once("SIGTERM", () => void worker.stop());
await worker.start();
const { reason } = await worker.ended;
await log.close();
journal.close();
process.exit(reason === "stopped" ? 0 : 1);
