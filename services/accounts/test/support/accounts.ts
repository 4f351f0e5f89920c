import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "@shardcast/client";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { topicsOf } from "@shardcast/protocol";
import { createWorker, type Worker } from "@shardcast/worker";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import {
  accountHandlers,
  createInterest,
  createLedger,
  type Effect,
  type Interest,
  type Ledger,
} from "../../src/index.ts";

export const SERVICE = "accounts";
export const LANES = 3;

/** A folder of its own, removed after the test. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "accounts-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface Accounts {
  readonly dir: string;
  readonly ledger: Ledger;
  readonly interest: Interest;
  readonly client: Client;
  /** What all incarnations have stored, in that order. */
  readonly effects: Effect[];
  /** Starts an incarnation of a member; a second one fences the first. */
  start(member: number, options?: { readonly commitIntervalMs?: number }): Promise<Worker>;
  /** A deposit or withdrawal by way of the log; resolves to the answer's body, rejects with its problem. */
  ask<T = Record<string, unknown>>(key: string | Uint8Array, handler: string, body?: unknown): Promise<T>;
}

/** The service on the twin, no replica started yet. */
export async function accountsOnTwin(): Promise<Accounts> {
  const cluster = new MemoryCluster();
  const dir = temporaryDir();
  const ledger = createLedger(dir);
  const interest = createInterest(dir);
  const effects: Effect[] = [];
  const log = createMemoryLog({ cluster });
  await log.ensureTopics(Object.values(topicsOf(SERVICE, { lanes: LANES })));
  const client = await connect({ log, services: { [SERVICE]: { lanes: LANES } } });
  onTestFinished(async () => {
    await client.close();
    await log.close();
  });
  return {
    dir,
    ledger,
    interest,
    client,
    effects,
    async start(member, options = {}) {
      const connection = createMemoryLog({ cluster });
      const worker = createWorker(
        {
          log: connection,
          handlers: accountHandlers({
            ledger: createLedger(dir),
            interest,
            onEffect: (effect) => effects.push(effect),
          }),
          service: SERVICE,
          member,
          replicas: LANES,
          logger: pino({ level: "silent" }),
          ...options,
        },
        {},
      );
      onTestFinished(async () => {
        await worker.stop();
        await connection.close();
      });
      await worker.start();
      return worker;
    },
    async ask(key, handler, body) {
      const { body: answer } = await client.request(SERVICE, key, body as object, { handler });
      return JSON.parse(answer.toString());
    },
  };
}
