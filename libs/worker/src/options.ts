import type { Log } from "@shardcast/log";
import {
  BROADCAST_RETENTION_MS,
  type EnvNames,
  RESULT_RETENTION_MS,
  resolveConfig,
  wholeNumber,
} from "@shardcast/protocol";
import type { Logger } from "pino";
import { z } from "zod";
import type { Handler } from "./handler.ts";
import type { OnLaneAcquired, OnLaneReleased } from "./hooks.ts";

/** What the options may be. */
export const workerSchema = z.object({
  service: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be a DNS label"),
  member: z.preprocess((value) => (typeof value === "number" ? String(value) : value), z.string().optional()),
  ordinalStart: wholeNumber(0, 999_999_999).default(0),
  replicas: wholeNumber(1, 10_000),
  lanes: wholeNumber(1, 100_000).optional(),
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
  onExhausted: z.enum(["continue", "park"]).default("continue"),
  delivery: z.enum(["at-least-once", "exactly-once"]).default("at-least-once"),
  leaseMs: wholeNumber(300, 600_000).default(1_500),
  drainMs: wholeNumber(0, 3_600_000).default(10_000),
  hookTimeoutMs: wholeNumber(1, 3_600_000).default(30_000),
  lostAfterMs: wholeNumber(1, 3_600_000).default(10_000),
  resultRetentionMs: wholeNumber(60_000, 365 * 24 * 3_600_000).default(RESULT_RETENTION_MS),
  broadcastConcurrency: wholeNumber(1, 10_000).default(16),
  catchUp: z.enum(["none", "ttl"]).default("none"),
  broadcastRetentionMs: wholeNumber(60_000, 365 * 24 * 3_600_000).default(BROADCAST_RETENTION_MS),
  maxQueuedBroadcasts: wholeNumber(1, 100_000).default(1_000),
  podUid: z.string().min(1).max(200).optional(),
  url: z.url().max(1_000).optional(),
});

type Settings = z.infer<typeof workerSchema>;

export type ResolvedWorkerOptions = Settings & { readonly lanes: number };

/** Environment variables that fill what the options leave out. */
export const WORKER_ENV = {
  service: "SHARDCAST_SERVICE",
  member: "SHARDCAST_MEMBER",
  ordinalStart: "SHARDCAST_ORDINAL_START",
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
  lanes: "SHARDCAST_LANES",
  onExhausted: "SHARDCAST_ON_EXHAUSTED",
  delivery: "SHARDCAST_DELIVERY",
  leaseMs: "SHARDCAST_LEASE_MS",
  drainMs: "SHARDCAST_DRAIN_MS",
  hookTimeoutMs: "SHARDCAST_HOOK_TIMEOUT_MS",
  lostAfterMs: "SHARDCAST_LOST_AFTER_MS",
  resultRetentionMs: "SHARDCAST_RESULT_RETENTION_MS",
  broadcastConcurrency: "SHARDCAST_BROADCAST_CONCURRENCY",
  catchUp: "SHARDCAST_CATCH_UP",
  broadcastRetentionMs: "SHARDCAST_BROADCAST_RETENTION_MS",
  maxQueuedBroadcasts: "SHARDCAST_MAX_QUEUED_BROADCASTS",
  podUid: "SHARDCAST_POD_UID",
  url: "SHARDCAST_URL",
} as const satisfies EnvNames<Settings>;

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
  /**
   * What the StatefulSet's ordinals begin at, its `spec.ordinals.start`: the pod `accounts-5` of one that begins at 5 is member 0.
   * Default 0.
   */
  readonly ordinalStart?: number;
  /** R, the number of replicas that the service begins with; once a planner has published a map, that counts. */
  readonly replicas?: number;
  /** P, the number of lanes. Default: `replicas`. More leave room to scale: lanes then move, keys never change lanes. */
  readonly lanes?: number;
  /** Put before every topic's name. Default none. */
  readonly topicPrefix?: string;
  /** Handler calls of a lane that may run at once, each for another key. Default 64. */
  readonly concurrency?: number;
  /** Requests of a lane that may be held in memory; reading pauses above it (C7). Default 1,000. */
  readonly maxQueued?: number;
  /** The same in bytes; also for broadcasts. Default 16,000,000. */
  readonly maxQueuedBytes?: number;
  /** Handler calls for one request before it goes to the dead letters (C9). Default 5. */
  readonly maxAttempts?: number;
  /**
   * What becomes of a key when one of its requests has run out of attempts (C9). `continue` (default): its later requests run.
   * `park`: they lie in the dead letters as well, in order, until a redrive has sent all of them again. Give it to all
   * members of a service.
   */
  readonly onExhausted?: "continue" | "park";
  /** First and longest wait between attempts; doubles in between, with jitter. Defaults 100 and 10,000. */
  readonly retryMinMs?: number;
  readonly retryMaxMs?: number;
  /** How often progress is committed, milliseconds: what was done since runs again after a crash. Default 500. */
  readonly commitIntervalMs?: number;
  /** How long `stop()` lets running handlers finish. Default 10,000. */
  readonly graceMs?: number;
  /**
   * `at-least-once` (default): replies leave at once, those of recorded requests when what is recorded is committed.
   * `exactly-once`: replies and dead letters are committed together with the progress, so that each request has one outcome
   * on the log, for a longer way back (EOS).
   */
  readonly delivery?: "at-least-once" | "exactly-once";
  /**
   * Handlers start within so long of a renewal, milliseconds; who takes over from a crashed member waits as long (C2). Default
   * 1,500. It is renewed every third of it.
   */
  readonly leaseMs?: number;
  /** How long running handlers of a lane that moves may take to finish. Default 10,000. */
  readonly drainMs?: number;
  /** Longest time for one call of a lane hook. Default 30,000. */
  readonly hookTimeoutMs?: number;
  /**
   * Without its lease for so long, milliseconds, this member tells running handlers by their signal: by then others may
   * have the lanes. Give the gateways' `reassignAfterMs`. Default 10,000.
   */
  readonly lostAfterMs?: number;
  /**
   * How long it is known how recorded requests ended, milliseconds: so long a repeated request gets the recorded answer (C5).
   * It is the retention of the topic where this creates it. Give the gateways the same. Default 86,400,000, a day.
   */
  readonly resultRetentionMs?: number;
  /** Calls of concurrent broadcast handlers that may run at once. Default 16. */
  readonly broadcastConcurrency?: number;
  /**
   * What a member does with broadcasts that were sent before it first joined and do not expect it. `none` (default): nothing.
   * `ttl`: it acts on all whose time to live is not over.
   */
  readonly catchUp?: "none" | "ttl";
  /**
   * How long broadcasts and their acknowledgements are kept, milliseconds: the longest a broadcast can wait for a member that
   * is down. It is the retention of their topics where this creates them. Give the gateways the same. Default 86,400,000, a day.
   */
  readonly broadcastRetentionMs?: number;
  /** Broadcasts that may be held in memory; reading pauses above it, and above `maxQueuedBytes` (C7). Default 1,000. */
  readonly maxQueuedBroadcasts?: number;
  /**
   * What this process dies with, e.g. the pod's uid from the downward API: a successor with the same one knows that its
   * predecessor is dead, and does not wait for its lease. Default: unique for each process.
   */
  readonly podUid?: string;
  /** Where this replica can be called directly; it is in the directory. */
  readonly url?: string;
  /** Loads a lane's state before its first handler. */
  readonly onLaneAcquired?: OnLaneAcquired;
  /** Flushes a lane's state before the next owner takes it. */
  readonly onLaneReleased?: OnLaneReleased;
  readonly logger?: Logger;
}

/** Throws SHARDCAST_INVALID_CONFIG with all faults. */
export function resolveWorkerOptions(
  options: WorkerOptions,
  env: Readonly<Record<string, string | undefined>>,
): ResolvedWorkerOptions {
  const settings = resolveConfig("worker", workerSchema, WORKER_ENV, { ...options }, env);
  return { ...settings, lanes: settings.lanes ?? settings.replicas };
}
