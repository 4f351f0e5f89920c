import { hostname } from "node:os";
import { type EnvNames, resolveConfig, wholeNumber } from "@shardcast/protocol";
import { z } from "zod";

const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

const httpUrl = (error: string) => z.url({ protocol: /^https?$/, error }).transform((text) => new URL(text));

const schema = z.object({
  appUrl: httpUrl("required: the application's URL, http or https"),
  appHealthUrl: httpUrl("must be an http or https URL").optional(),
  appHealthIntervalMs: wholeNumber(1, 60_000).default(500),
  appTimeoutMs: wholeNumber(1, 3_600_000).default(30_000),
  // What members say of broadcasts can not be longer.
  maxReplyBytes: wholeNumber(0, 64_000).default(64_000),
  maxRetryAfterMs: wholeNumber(0, 3_600_000).default(60_000),
  order: z.enum(["ordered", "concurrent"]).default("ordered"),
  member: z.string().optional(),
  membership: z.enum(["durable", "ephemeral"]).optional(),
  healthPort: wholeNumber(0, 65_535).optional(),
  logLevel: z.enum(LEVELS).default("info"),
});

type Settings = z.infer<typeof schema>;

export type SidecarOptions = Settings & { readonly membership: "durable" | "ephemeral" };

export const SIDECAR_ENV = {
  appUrl: "SHARDCAST_APP_URL",
  appHealthUrl: "SHARDCAST_APP_HEALTH_URL",
  appHealthIntervalMs: "SHARDCAST_APP_HEALTH_INTERVAL_MS",
  appTimeoutMs: "SHARDCAST_APP_TIMEOUT_MS",
  maxReplyBytes: "SHARDCAST_APP_MAX_REPLY_BYTES",
  maxRetryAfterMs: "SHARDCAST_APP_MAX_RETRY_AFTER_MS",
  order: "SHARDCAST_BROADCAST_ORDER",
  member: "SHARDCAST_MEMBER",
  membership: "SHARDCAST_MEMBERSHIP",
  healthPort: "SHARDCAST_HEALTH_PORT",
  logLevel: "SHARDCAST_LOG_LEVEL",
} as const satisfies EnvNames<Settings>;

/** An ordinal, or a pod's name that ends in one. */
const ORDINAL = /^(?:.+-)?[0-9]{1,9}$/;

/** Throws SHARDCAST_INVALID_CONFIG with all faults. */
export function resolveSidecarOptions(
  env: Readonly<Record<string, string | undefined>>,
  host: string = hostname(),
): SidecarOptions {
  const settings = resolveConfig("sidecar", schema, SIDECAR_ENV, {}, env);
  const named = ORDINAL.test(settings.member ?? host) ? "durable" : "ephemeral";
  return { ...settings, membership: settings.membership ?? named };
}
