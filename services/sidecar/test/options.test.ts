import { describe, expect, test } from "vitest";
import { resolveSidecarOptions, SIDECAR_ENV } from "../src/index.ts";

/** Texts that any may be. */
const ANYTHING: ReadonlySet<string> = new Set(["SHARDCAST_MEMBER", "SHARDCAST_HEALTH_HOST"]);
const SHARDCAST_APP_URL = "http://127.0.0.1:3000/base";

describe("the options", () => {
  test("come from the environment, with defaults", () => {
    expect(resolveSidecarOptions({ SHARDCAST_APP_URL }, "accounts-2")).toEqual({
      appUrl: new URL(SHARDCAST_APP_URL),
      appHealthIntervalMs: 500,
      appUnhealthyMs: 30_000,
      appTimeoutMs: 30_000,
      appFormat: "http",
      appLaneHooks: false,
      maxReplyBytes: 900_000,
      maxRetryAfterMs: 60_000,
      maxAttempts: 20,
      order: "ordered",
      membership: "durable",
      bodyLimitBytes: 900_000,
      defaultTimeoutMs: 30_000,
      maxTimeoutMs: 300_000,
      forwardHeaders: [],
      logLevel: "info",
    });
  });

  test.each([
    [undefined, "accounts-2", undefined, "durable"],
    [undefined, "web-7d9f8b6c5-x2x4z", undefined, "ephemeral"],
    ["3", "web-7d9f8b6c5-x2x4z", undefined, "durable"],
    ["web-a", "accounts-2", undefined, "ephemeral"],
    // A Deployment may give a pod a name that looks like one of a StatefulSet.
    [undefined, "web-7d9f8b6c5-24567", "ephemeral", "ephemeral"],
  ])(
    "with SHARDCAST_MEMBER %j on the host %j and SHARDCAST_MEMBERSHIP %j it is %s",
    (member, host, asked, membership) => {
      const env = { SHARDCAST_APP_URL, SHARDCAST_MEMBER: member, SHARDCAST_MEMBERSHIP: asked };
      expect(resolveSidecarOptions(env, host)).toMatchObject({ membership });
    },
  );

  test("that are wrong are refused, each by its variable", () => {
    const wrong = {
      SHARDCAST_APP_URL: "ftp://127.0.0.1",
      SHARDCAST_APP_HEALTH_URL: "health",
      SHARDCAST_APP_HEALTH_INTERVAL_MS: "0",
      SHARDCAST_APP_UNHEALTHY_MS: "0",
      SHARDCAST_APP_TIMEOUT_MS: "soon",
      SHARDCAST_APP_FORMAT: "soap",
      SHARDCAST_APP_LANE_HOOKS: "perhaps",
      SHARDCAST_APP_MAX_REPLY_BYTES: "100000001",
      SHARDCAST_MAX_ATTEMPTS: "0",
      SHARDCAST_LOCAL_PORT: "65536",
      SHARDCAST_BODY_LIMIT_BYTES: "0",
      SHARDCAST_DEFAULT_TIMEOUT_MS: "0",
      SHARDCAST_MAX_TIMEOUT_MS: "0",
      SHARDCAST_FORWARD_HEADERS: "x-ok,not a name",
      SHARDCAST_APP_MAX_RETRY_AFTER_MS: "-1",
      SHARDCAST_BROADCAST_ORDER: "any",
      SHARDCAST_MEMBERSHIP: "maybe",
      SHARDCAST_HEALTH_PORT: "http",
      SHARDCAST_LOG_LEVEL: "loud",
    };
    const thrown = (() => {
      try {
        return resolveSidecarOptions(wrong, "accounts-2");
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toMatchObject({ code: "SHARDCAST_INVALID_CONFIG" });
    for (const variable of Object.values(SIDECAR_ENV)) {
      if (!ANYTHING.has(variable)) expect((thrown as Error).message).toContain(`(${variable})`);
    }
    expect(() => resolveSidecarOptions({}, "accounts-2")).toThrow("(SHARDCAST_APP_URL): required");
  });
});
