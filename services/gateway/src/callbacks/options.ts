import { callbackServiceOf, flag, isServiceName, textList, wholeNumber } from "@shardcast/protocol";
import { z } from "zod";
import { parseHostRule } from "./hosts.ts";
import { isCallbackSecret } from "./signature.ts";

const MAX_WAIT_MS = 3_600_000;

/** The gateway's options about callbacks, for its schema. */
export const callbackShape = {
  callbackHosts: textList()
    .pipe(
      z.array(
        z
          .string()
          .refine(
            (entry) => parseHostRule(entry) !== undefined,
            "a host is api.example.com or *.example.com, with a port or without",
          ),
      ),
    )
    .default([]),
  callbackSecret: z
    .string()
    .refine(isCallbackSecret, "must be whsec_ and at least 24 bytes in base64; several, separated by spaces")
    .exactOptional(),
  callbackAllowPrivate: flag().default(false),
  callbackTimeoutMs: wholeNumber(1, MAX_WAIT_MS).default(10_000),
  callbackMaxAttempts: wholeNumber(1, 1_000).default(12),
  callbackRetryMinMs: wholeNumber(1, MAX_WAIT_MS).default(5_000),
  callbackRetryMaxMs: wholeNumber(1, MAX_WAIT_MS).default(600_000),
};

const schema = z.object(callbackShape);

/** As they are when resolved. */
export type CallbackSettings = z.infer<typeof schema>;

/** Environment variables that fill what the options leave out. */
export const CALLBACK_ENV = {
  callbackHosts: "SHARDCAST_CALLBACK_HOSTS",
  callbackSecret: "SHARDCAST_CALLBACK_SECRET",
  callbackAllowPrivate: "SHARDCAST_CALLBACK_ALLOW_PRIVATE",
  callbackTimeoutMs: "SHARDCAST_CALLBACK_TIMEOUT_MS",
  callbackMaxAttempts: "SHARDCAST_CALLBACK_MAX_ATTEMPTS",
  callbackRetryMinMs: "SHARDCAST_CALLBACK_RETRY_MIN_MS",
  callbackRetryMaxMs: "SHARDCAST_CALLBACK_RETRY_MAX_MS",
} as const;

/** Options about callbacks. Every gateway of a service needs the same: any of them may be the one that calls back. */
export interface CallbackOptions {
  /**
   * Who may be called back: `api.example.com`, or `*.example.com` for all names below it; on the scheme's own port, or on the one
   * given, `api.example.com:8443`. Default none: a request that wants to be called back is refused.
   */
  readonly callbackHosts?: readonly string[];
  /**
   * What callbacks are signed with (Standard Webhooks): `whsec_` and 24 bytes or more in base64. With several, separated by
   * spaces, each callback carries a signature of each. Needed where `callbackHosts` are given.
   */
  readonly callbackSecret?: string;
  /** Lets callbacks go to addresses that are not of the Internet: private, loopback, link-local. Default false. */
  readonly callbackAllowPrivate?: boolean;
  /** For one attempt, from the name's resolution to the answer. Default 10,000. */
  readonly callbackTimeoutMs?: number;
  /** Attempts before a callback goes to the dead letters. Default 12, which takes about an hour. */
  readonly callbackMaxAttempts?: number;
  /** First and longest wait between attempts; doubles in between, with jitter. Defaults 5,000 and 600,000. */
  readonly callbackRetryMinMs?: number;
  readonly callbackRetryMaxMs?: number;
}

/** What no option can tell alone; for `check` of the gateway's schema. */
export function checkCallbacks({
  value,
  issues,
}: z.core.ParsePayload<CallbackSettings & { services: Readonly<Record<string, unknown>> }>): void {
  const { callbackHosts, callbackSecret, services } = value;
  if (callbackHosts.length === 0) return;
  const fault = (option: string, message: string) =>
    issues.push({ code: "custom", path: [option], message, input: value });
  if (callbackSecret === undefined) fault("callbackSecret", "is required where hosts may be called back");
  for (const service of Object.keys(services)) {
    const callbacks = callbackServiceOf(service);
    if (!isServiceName(callbacks)) fault("services", `${service}: the name is too long for callbacks`);
    // Whoever could write there would have his own words signed.
    if (Object.hasOwn(services, callbacks))
      fault("services", `${callbacks} is where ${service} has its callbacks`);
  }
}
