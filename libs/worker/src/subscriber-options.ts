import { hostname } from "node:os";
import type { Log } from "@shardcast/log";
import { type EnvNames, resolveConfig } from "@shardcast/protocol";
import type { Logger } from "pino";
import { z } from "zod";
import { WORKER_ENV, type WorkerOptions, workerSchema } from "./options.ts";

const ORDINAL = /^[0-9]+$/;

const schema = workerSchema
  .pick({
    service: true,
    topicPrefix: true,
    maxQueuedBytes: true,
    maxAttempts: true,
    retryMinMs: true,
    retryMaxMs: true,
    graceMs: true,
    broadcastConcurrency: true,
    catchUp: true,
    broadcastRetentionMs: true,
    maxQueuedBroadcasts: true,
  })
  .extend({
    member: z
      .string()
      .min(1)
      .max(1_024)
      .refine((name) => !ORDINAL.test(name), "a number is the name of a replica that has lanes")
      .prefault(() => hostname()),
  });

type Settings = z.infer<typeof schema>;

export type ResolvedSubscriberOptions = Settings;

/** What is left out comes from the environment (the worker's variables), then from the default. */
export interface SubscriberOptions
  extends Pick<
    WorkerOptions,
    | "service"
    | "topicPrefix"
    | "maxQueuedBytes"
    | "maxAttempts"
    | "retryMinMs"
    | "retryMaxMs"
    | "graceMs"
    | "broadcastConcurrency"
    | "broadcastRetentionMs"
    | "maxQueuedBroadcasts"
  > {
  /** The connection to the log. It stays the caller's: `stop()` does not close it. */
  readonly log: Log;
  /** This member's name, unique among those of the service, and no number. Default: the hostname. */
  readonly member?: string;
  /**
   * What it does with broadcasts that were sent before it started. `none` (default): nothing. `ttl`: it acts on all whose time to
   * live is not over, at every start.
   */
  readonly catchUp?: "none" | "ttl";
  readonly logger?: Logger;
}

/** Throws SHARDCAST_INVALID_CONFIG with all faults. */
export function resolveSubscriberOptions(
  options: SubscriberOptions,
  env: Readonly<Record<string, string | undefined>>,
): ResolvedSubscriberOptions {
  return resolveConfig("subscriber", schema, WORKER_ENV as EnvNames<Settings>, { ...options }, env);
}
