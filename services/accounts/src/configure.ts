import type { Log } from "@shardcast/log";
import { createMemoryLog } from "@shardcast/log/memory";
import { createKafkaLog } from "@shardcast/log-kafka";
import {
  createWorker,
  type HealthServerOptions,
  type OnLaneAcquired,
  WORKER_ENV,
  type Worker,
} from "@shardcast/worker";
import { type Logger, pino } from "pino";
import { type DirectReadsOptions, directReads } from "./direct-reads.ts";
import { type EffectsFile, openEffectsFile } from "./effects.ts";
import { accountHandlers } from "./handlers.ts";
import { createInterest, type Interest } from "./interest.ts";
import { INTEREST_CHANGED, interestChanged } from "./interest-changed.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { type AccountsOptions, resolveAccountsOptions } from "./options.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Everything a replica consists of, not yet started. */
export interface Replica {
  readonly logger: Logger;
  readonly log: Log;
  readonly worker: Worker;
  readonly effects: EffectsFile | undefined;
  /** Where health is served, and reads that come directly; undefined for nowhere. */
  readonly health: HealthServerOptions | undefined;
}

/**
 * Builds a replica from its environment.
 *
 * @throws {Error} naming all that is wrong, a line each: who repairs a configuration wants to know everything
 */
export function configureReplica(env: Environment): Replica {
  const faults: string[] = [];
  const attempt = <T>(step: () => T): T | undefined => {
    try {
      return step();
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };

  const options = attempt(() => resolveAccountsOptions(env));
  const logger = pino({ name: "accounts", level: options?.logLevel ?? "info" });
  const ledger = options && attempt(() => createLedger(options.dir));
  const file = options?.effectsFile;
  const effects = file === undefined ? undefined : attempt(() => openEffectsFile(file));
  const log = attempt(() => createKafkaLog({ logger }, env));
  // Checked also without Kafka's settings: a worker does not touch its log before it starts.
  const checked = log ?? createMemoryLog();
  const interest = options && createInterest(options.dir, options.interestFile);
  const service = ledger === undefined ? {} : serviceOf(ledger, interest, effects);
  const worker = attempt(() => createWorker({ log: checked, logger, ...service }, env));
  if (interest !== undefined) worker?.onBroadcast(INTEREST_CHANGED, interestChanged(interest));

  if (faults.length > 0 || !options || !ledger || !log || !worker) {
    effects?.close();
    throw new Error(faults.join("\n"));
  }
  const health = healthOf(options, { ledger, lanes: lanesOf(env), worker, logger });
  return { logger, log, worker, effects, health };
}

function healthOf(
  { host, healthPort: port }: Pick<AccountsOptions, "host" | "healthPort">,
  reads: DirectReadsOptions,
): HealthServerOptions | undefined {
  return port === undefined ? undefined : { host, port, otherwise: directReads(reads) };
}

/** As the worker has checked them, and takes them itself. */
function lanesOf(env: Environment): number {
  return Number(env[WORKER_ENV.lanes] ?? env[WORKER_ENV.replicas]);
}

function serviceOf(ledger: Ledger, interest: Interest | undefined, effects: EffectsFile | undefined) {
  const handlers = accountHandlers({
    ledger,
    ...(interest === undefined ? {} : { interest }),
    ...(effects === undefined ? {} : { onEffect: (effect) => effects.write(effect) }),
  });
  const onLaneAcquired: OnLaneAcquired = (lane, { fencingToken }) => ledger.fence({ lane, fencingToken });
  return { handlers, onLaneAcquired };
}
