import type { IncomingHttpHeaders } from "node:http";
import { parsePrefer } from "./preferences.ts";
import { secondsToMs } from "./seconds.ts";

export interface DeliveryLimits {
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** How the caller wants to get the answer. */
export type Delivery =
  /** He waits for it until the deadline. */
  | { readonly kind: "wait"; readonly timeoutMs: number }
  /** He asks for it later, by the request's id; before that he waits for a while, if he says so. */
  | {
      readonly kind: "recorded";
      /** The deadline, from now; none where he does not say. */
      readonly timeoutMs?: number;
      readonly waitMs?: number;
      /** Value of Preference-Applied. */
      readonly applied: string;
    };

/**
 * How the answer is wanted: `Request-Timeout: SECONDS` is the deadline (C8), `Prefer: respond-async` and `Prefer:
 * wait=SECONDS` say that it may come later. What somebody waits for is cut to the configured maximum.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the header
 */
export function deliveryOf(headers: IncomingHttpHeaders, limits: DeliveryLimits): Delivery {
  const requested = headers["request-timeout"] as string | undefined;
  const { defaultTimeoutMs, maxTimeoutMs } = limits;
  const timeoutMs = requested === undefined ? undefined : secondsToMs(requested, "Request-Timeout");
  const recorded = preferred(headers, maxTimeoutMs);
  if (recorded === undefined) {
    return { kind: "wait", timeoutMs: Math.min(timeoutMs ?? defaultTimeoutMs, maxTimeoutMs) };
  }
  return timeoutMs === undefined ? recorded : { ...recorded, timeoutMs };
}

/**
 * What of `Prefer` says that the answer may come later.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST for a wait that says no time
 */
export function preferred(
  headers: IncomingHttpHeaders,
  maxTimeoutMs: number,
): Extract<Delivery, { kind: "recorded" }> | undefined {
  const prefer = headers.prefer as string | undefined;
  if (prefer === undefined) return undefined;
  let waitMs: number | undefined;
  const applied: string[] = [];
  for (const { name, value } of parsePrefer(prefer)) {
    if (name === "wait") {
      waitMs = Math.min(secondsToMs(value, "Prefer: wait"), maxTimeoutMs);
      applied.push(`wait=${value}`);
    }
    if (name === "respond-async") applied.push(name);
  }
  if (applied.length === 0) return undefined;
  const recorded = { kind: "recorded", applied: applied.join(", ") } as const;
  return waitMs === undefined ? recorded : { ...recorded, waitMs };
}
