import type { Log } from "@shardcast/log";
import { type EnvNames, resolveConfig, wholeNumber } from "@shardcast/protocol";
import type { Logger } from "pino";
import { z } from "zod";
import type { Handler } from "./handler.ts";

const schema = z.object({
  service: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be a DNS label"),
  member: z.preprocess((value) => (typeof value === "number" ? String(value) : value), z.string().optional()),
  replicas: wholeNumber(1, 10_000),
  topicPrefix: z
    .string()
    .regex(/^[a-zA-Z0-9._-]*$/, "only letters, digits, '.', '_' and '-'")
    .default(""),
  concurrency: wholeNumber(1, 10_000).default(64),
  maxQueued: wholeNumber(1, 100_000).default(1_000),
  maxQueuedBytes: wholeNumber(1_000).default(16_000_000),
  maxAttempts: wholeNumber(1, 1_000).default(5),
  retryMinMs: wholeNumber(1, 3_600_000).default(100),
  retryMaxMs: wholeNumber(1, 3_600_000).default(10_000),
  commitIntervalMs: wholeNumber(1, 60_000).default(500),
  graceMs: wholeNumber(0, 3_600_000).default(10_000),
});

export type ResolvedWorkerOptions = z.infer<typeof schema>;

/** Environment variables that fill what the options leave out. */
export const WORKER_ENV = {
  service: "SHARDCAST_SERVICE",
  member: "SHARDCAST_MEMBER",
  replicas: "SHARDCAST_REPLICAS",
  topicPrefix: "SHARDCAST_TOPIC_PREFIX",
  concurrency: "SHARDCAST_CONCURRENCY",
  maxQueued: "SHARDCAST_MAX_QUEUED",
  maxQueuedBytes: "SHARDCAST_MAX_QUEUED_BYTES",
  maxAttempts: "SHARDCAST_MAX_ATTEMPTS",
  retryMinMs: "SHARDCAST_RETRY_MIN_MS",
  retryMaxMs: "SHARDCAST_RETRY_MAX_MS",
  commitIntervalMs: "SHARDCAST_COMMIT_INTERVAL_MS",
  graceMs: "SHARDCAST_GRACE_MS",
} as const satisfies EnvNames<ResolvedWorkerOptions>;

/** What is left out comes from the environment ({@link WORKER_ENV}), then from the default. */
export interface WorkerOptions {
  /** The connection to the log. It stays the caller's: `stop()` does not close it. */
  readonly log: Log;
  /** Handlers by name. */
  readonly handlers?: Readonly<Record<string, Handler>>;
  /** For requests that name no handler, or one that is not in `handlers`; also for records of other Kafka clients. */
  readonly defaultHandler?: Handler;
  readonly service?: string;
  /** This replica: an ordinal, or a pod name that ends in one. Default: the hostname. */
  readonly member?: string | number;
  /** R, the number of replicas, and of lanes. */
  readonly replicas?: number;
  /** Put before every topic's name. Default none. */
  readonly topicPrefix?: string;
  /** Handler calls of a lane that may run at once, each for another key. Default 64. */
  readonly concurrency?: number;
  /** Requests of a lane that may be held in memory; reading pauses above it (C7). Default 1,000. */
  readonly maxQueued?: number;
  /** The same in bytes. Default 16,000,000. */
  readonly maxQueuedBytes?: number;
  /** Handler calls for one request before it goes to the dead letters (C9). Default 5. */
  readonly maxAttempts?: number;
  /** First and longest wait between attempts; doubles in between, with jitter. Defaults 100 and 10,000. */
  readonly retryMinMs?: number;
  readonly retryMaxMs?: number;
  /** How often progress is committed, milliseconds: what was done since runs again after a crash. Default 500. */
  readonly commitIntervalMs?: number;
  /** How long `stop()` lets running handlers finish. Default 10,000. */
  readonly graceMs?: number;
  readonly logger?: Logger;
}

/** Throws SHARDCAST_INVALID_CONFIG with all faults. */
export function resolveWorkerOptions(
  options: WorkerOptions,
  env: Readonly<Record<string, string | undefined>>,
): ResolvedWorkerOptions {
  return resolveConfig("worker", schema, WORKER_ENV, { ...options }, env);
}
