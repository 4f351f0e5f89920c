import { hostname } from "node:os";
import { type EnvNames, flag, resolveConfig, textList, wholeNumber } from "@shardcast/protocol";
import { z } from "zod";

const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/; // RFC 9110 token
const MAX_TIMER_MS = 2 ** 31 - 1;

const httpUrl = (error: string) => z.url({ protocol: /^https?$/, error }).transform((text) => new URL(text));

const schema = z.object({
  appUrl: httpUrl("required: the application's URL, http or https"),
  appHealthUrl: httpUrl("must be an http or https URL").optional(),
  appHealthIntervalMs: wholeNumber(1, 60_000).default(500),
  appUnhealthyMs: wholeNumber(1, 3_600_000).default(30_000),
  appTimeoutMs: wholeNumber(1, 3_600_000).default(30_000),
  appFormat: z.enum(["http", "cloudevents"]).default("http"),
  appLaneHooks: flag().default(false),
  maxReplyBytes: wholeNumber(0, 100_000_000).default(900_000),
  maxRetryAfterMs: wholeNumber(0, 3_600_000).default(60_000),
  maxAttempts: wholeNumber(1, 1_000).default(20),
  order: z.enum(["ordered", "concurrent"]).default("ordered"),
  member: z.string().optional(),
  membership: z.enum(["durable", "ephemeral"]).optional(),
  localPort: wholeNumber(0, 65_535).optional(),
  bodyLimitBytes: wholeNumber(1, 100_000_000).default(900_000),
  defaultTimeoutMs: wholeNumber(1, MAX_TIMER_MS).default(30_000),
  maxTimeoutMs: wholeNumber(1, MAX_TIMER_MS).default(300_000),
  forwardHeaders: textList()
    .pipe(z.array(z.string().regex(HEADER_NAME, "not the name of a header").toLowerCase()))
    .default([]),
  healthPort: wholeNumber(0, 65_535).optional(),
  healthHost: z.string().min(1).optional(),
  logLevel: z.enum(LEVELS).default("info"),
});

type Settings = z.infer<typeof schema>;

export type SidecarOptions = Settings & { readonly membership: "durable" | "ephemeral" };

export const SIDECAR_ENV = {
  appUrl: "SHARDCAST_APP_URL",
  appHealthUrl: "SHARDCAST_APP_HEALTH_URL",
  appHealthIntervalMs: "SHARDCAST_APP_HEALTH_INTERVAL_MS",
  appUnhealthyMs: "SHARDCAST_APP_UNHEALTHY_MS",
  appTimeoutMs: "SHARDCAST_APP_TIMEOUT_MS",
  appFormat: "SHARDCAST_APP_FORMAT",
  appLaneHooks: "SHARDCAST_APP_LANE_HOOKS",
  maxReplyBytes: "SHARDCAST_APP_MAX_REPLY_BYTES",
  maxRetryAfterMs: "SHARDCAST_APP_MAX_RETRY_AFTER_MS",
  maxAttempts: "SHARDCAST_MAX_ATTEMPTS",
  order: "SHARDCAST_BROADCAST_ORDER",
  member: "SHARDCAST_MEMBER",
  membership: "SHARDCAST_MEMBERSHIP",
  localPort: "SHARDCAST_LOCAL_PORT",
  bodyLimitBytes: "SHARDCAST_BODY_LIMIT_BYTES",
  defaultTimeoutMs: "SHARDCAST_DEFAULT_TIMEOUT_MS",
  maxTimeoutMs: "SHARDCAST_MAX_TIMEOUT_MS",
  forwardHeaders: "SHARDCAST_FORWARD_HEADERS",
  healthPort: "SHARDCAST_HEALTH_PORT",
  healthHost: "SHARDCAST_HEALTH_HOST",
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
