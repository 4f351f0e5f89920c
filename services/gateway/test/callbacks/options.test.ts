import { resolveConfig } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { CALLBACK_ENV, callbackShape, checkCallbacks } from "../../src/callbacks/options.ts";
import { SECRET } from "./support/settings.ts";

const services = z.record(z.string(), z.object({})).default({ accounts: {} });
const schema = z.object({ services, ...callbackShape }).check(checkCallbacks);

function resolve(options: Record<string, unknown>, env: Record<string, string> = {}) {
  return resolveConfig("gateway", schema, CALLBACK_ENV, options, env);
}

function faultsOf(options: Record<string, unknown>, env: Record<string, string> = {}): unknown {
  try {
    resolve(options, env);
  } catch (error) {
    return (error as { extensions: { faults: unknown } }).extensions.faults;
  }
  return [];
}

describe("the options about callbacks", () => {
  it("call nobody back unless they say so", () => {
    expect(resolve({})).toEqual({
      services: { accounts: {} },
      callbackHosts: [],
      callbackAllowPrivate: false,
      callbackTimeoutMs: 10_000,
      callbackMaxAttempts: 12,
      callbackRetryMinMs: 5_000,
      callbackRetryMaxMs: 600_000,
    });
  });

  it("come from the environment, and what was resolved can be given again", () => {
    const env = {
      SHARDCAST_CALLBACK_HOSTS: "api.example.com, *.example.org:8443",
      SHARDCAST_CALLBACK_SECRET: SECRET,
      SHARDCAST_CALLBACK_ALLOW_PRIVATE: "yes",
    };
    const settings = resolve({}, env);
    expect(settings).toMatchObject({
      callbackHosts: ["api.example.com", "*.example.org:8443"],
      callbackSecret: SECRET,
      callbackAllowPrivate: true,
    });
    expect(resolve(settings)).toEqual(settings);
  });

  it("are refused with every fault, each by its name, and without showing the secret", () => {
    const env = { SHARDCAST_CALLBACK_HOSTS: "https://a/,fine", SHARDCAST_CALLBACK_SECRET: "hush" };
    expect(faultsOf({ callbackMaxAttempts: 0 }, env)).toEqual([
      expect.stringMatching(/^callbackHosts\.0 \(SHARDCAST_CALLBACK_HOSTS\): a host is api\.example\.com/),
      expect.stringMatching(/^callbackSecret \(SHARDCAST_CALLBACK_SECRET\): must be whsec_/),
      expect.stringMatching(/^callbackMaxAttempts \(SHARDCAST_CALLBACK_MAX_ATTEMPTS\): /),
    ]);
    expect(String(faultsOf({}, env))).not.toContain("hush");
  });

  it("need a secret where there are hosts: nobody could tell our callbacks from forged ones", () => {
    expect(faultsOf({ callbackHosts: ["a.example"] })).toEqual([
      "callbackSecret (SHARDCAST_CALLBACK_SECRET): is required where hosts may be called back",
    ]);
    expect(faultsOf({ callbackHosts: [] })).toEqual([]);
  });

  it("need services whose callbacks have a name of their own", () => {
    const [long, secret] = ["a".repeat(54), { callbackHosts: ["a.example"], callbackSecret: SECRET }];
    expect(faultsOf({ ...secret, services: { [long]: {}, accounts: {}, "accounts-callbacks": {} } })).toEqual(
      [
        `services: ${long}: the name is too long for callbacks`,
        "services: accounts-callbacks is where accounts has its callbacks",
      ],
    );
    expect(faultsOf({ services: { [long]: {}, accounts: {}, "accounts-callbacks": {} } })).toEqual([]);
  });
});
