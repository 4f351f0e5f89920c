import { createMemoryLog } from "@shardcast/log/memory";
import { isShardcastError } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { createWorker, WORKER_ENV } from "../src/index.ts";
import { resolveWorkerOptions } from "../src/options.ts";

const log = createMemoryLog();

test("what is left out comes from the environment, then from the defaults", () => {
  const env = {
    SHARDCAST_SERVICE: "accounts",
    SHARDCAST_REPLICAS: "3",
    SHARDCAST_MAX_ATTEMPTS: "7",
    SHARDCAST_GRACE_MS: "",
  };
  expect(resolveWorkerOptions({ log, replicas: 4 }, env)).toEqual({
    service: "accounts",
    ordinalStart: 0,
    replicas: 4,
    lanes: 4,
    delivery: "at-least-once",
    onExhausted: "continue",
    leaseMs: 1_500,
    drainMs: 10_000,
    hookTimeoutMs: 30_000,
    lostAfterMs: 10_000,
    resultRetentionMs: 86_400_000,
    broadcastConcurrency: 16,
    catchUp: "none",
    broadcastRetentionMs: 86_400_000,
    maxQueuedBroadcasts: 1_000,
    topicPrefix: "",
    concurrency: 64,
    maxQueued: 1_000,
    maxQueuedBytes: 16_000_000,
    maxAttempts: 7,
    retryMinMs: 100,
    retryMaxMs: 10_000,
    commitIntervalMs: 500,
    graceMs: 10_000,
  });
});

test("every option that is wrong is told at once, each with its variable", () => {
  const wrong = {
    service: "Not A Label",
    topicPrefix: "no spaces",
    replicas: 0,
    concurrency: 0,
    maxQueued: 1.5,
    maxQueuedBytes: 10,
    maxAttempts: 0,
    retryMinMs: -1,
    retryMaxMs: Number.NaN,
    commitIntervalMs: 0,
    graceMs: -1,
    broadcastConcurrency: 0,
    catchUp: "all" as "ttl",
    broadcastRetentionMs: 1,
    maxQueuedBroadcasts: 0,
  };
  const error = catchError(() => createWorker({ log, ...wrong }, {}));
  expect(error).toMatchObject({ code: "SHARDCAST_INVALID_CONFIG" });
  const { faults } = (error as { extensions: { faults: string[] } }).extensions;
  expect(faults).toHaveLength(Object.keys(wrong).length);
  for (const name of Object.keys(wrong) as (keyof typeof wrong)[])
    expect(faults).toContainEqual(expect.stringContaining(`${name} (${WORKER_ENV[name]})`));
});

test("what is missing is told with the variable that would fill it", () => {
  expect(() => createWorker({ log }, {})).toThrow(
    /service \(SHARDCAST_SERVICE\).*replicas \(SHARDCAST_REPLICAS\)/,
  );
});

function catchError(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    if (isShardcastError(error)) return error;
    throw error;
  }
  return expect.unreachable("nothing was thrown");
}
