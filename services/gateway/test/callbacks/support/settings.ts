import type { LookupAddress } from "node:dns";
import type { CallbackHandlerOptions } from "../../../src/callbacks/callback-handler.ts";

export const SECRET = `whsec_${Buffer.alloc(24, "first secret").toString("base64")}`;
export const OTHER_SECRET = `whsec_${Buffer.alloc(32, "other secret").toString("base64")}`;

export type Settings = CallbackHandlerOptions["settings"];

/** Everybody on this machine may be called, and attempts follow at once. */
export function settingsFor(hosts: readonly string[], changes: Partial<Settings> = {}): Settings {
  return {
    callbackHosts: [...hosts],
    callbackSecret: SECRET,
    callbackAllowPrivate: true,
    callbackTimeoutMs: 10_000,
    callbackMaxAttempts: 12,
    callbackRetryMinMs: 1,
    callbackRetryMaxMs: 2,
    ...changes,
  };
}

/** As a resolver answers. */
export function addresses(...found: readonly string[]): LookupAddress[] {
  return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
}
