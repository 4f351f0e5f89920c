import {
  accountHandlers,
  createInterest,
  createLedger,
  type Effect,
  INTEREST_CHANGED,
  interestChanged,
} from "@shardcast/accounts";
import { createMemoryLog, type MemoryCluster } from "@shardcast/log/memory";
import { createWorker, type Handler, type Worker } from "@shardcast/worker";
import type { Logger } from "pino";
import { Life, mortalLedger, mortalLog } from "./life.ts";

export const SERVICE = "accounts";
export const REPLICAS = 3;
export const MAX_ATTEMPTS = 3;

export interface ReplicaOptions {
  readonly cluster: MemoryCluster;
  /** The folder that all replicas keep the accounts in. */
  readonly dir: string;
  readonly logger: Logger;
}

/** One incarnation of a replica: a connection of its own to the log, a worker, the service's handlers. */
export interface Replica {
  readonly member: number;
  readonly worker: Worker;
  /** The service's functions themselves, to be called past the lanes. */
  readonly handlers: Readonly<Record<string, Handler>>;
  /** What its handlers have stored, in that order. */
  readonly effects: readonly Effect[];
  /** Dies right after the storage has taken its n-th change from now; resolves when it is dead. */
  dieAfterSaves(n: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startReplica(member: number, options: ReplicaOptions): Promise<Replica> {
  const { cluster, dir, logger } = options;
  const life = new Life();
  const connection = createMemoryLog({ cluster });
  const effects: Effect[] = [];
  let savesLeft = Number.POSITIVE_INFINITY;
  let onDeath = () => {};

  function onSaved(): void {
    savesLeft--;
    if (savesLeft > 0 || life.ended) return;
    life.end();
    onDeath();
  }

  const ledger = mortalLedger(createLedger(dir), life, onSaved);
  const interest = createInterest(dir);
  const handlers = accountHandlers({ ledger, interest, onEffect: (effect) => effects.push(effect) });
  const worker = createWorker(
    {
      log: mortalLog(connection, life),
      handlers,
      onLaneAcquired: (lane, { fencingToken }) => ledger.fence({ lane, fencingToken }),
      service: SERVICE,
      member,
      replicas: REPLICAS,
      maxAttempts: MAX_ATTEMPTS,
      retryMinMs: 100,
      retryMaxMs: 400,
      graceMs: 2_000,
      logger,
    },
    {}, // nothing from the environment: the tour is the same everywhere
  );
  worker.onBroadcast(INTEREST_CHANGED, interestChanged(interest));
  await worker.start();

  return {
    member,
    worker,
    handlers,
    effects,
    async dieAfterSaves(n) {
      await new Promise<void>((resolve) => {
        savesLeft = n;
        onDeath = resolve;
      });
      await life.settled();
      await connection.close(); // what becomes of a dead process's connections
    },
    async stop() {
      if (!life.ended) await worker.stop();
      await connection.close();
    },
  };
}
