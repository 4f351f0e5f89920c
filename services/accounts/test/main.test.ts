import { KAFKA_ENV } from "@shardcast/log-kafka";
import { WORKER_ENV } from "@shardcast/worker";
import { expect, test } from "vitest";
import { ACCOUNTS_ENV } from "../src/options.ts";
import { temporaryDir } from "./support/accounts.ts";
import { runMain } from "./support/process.ts";

/** A process that starts, on a busy machine. */
const PROCESS = { timeout: 30_000 };

test("--help names every variable", PROCESS, async () => {
  const run = runMain({}, ["--help"]);
  expect(await run.exited).toBe(0);
  for (const table of [ACCOUNTS_ENV, WORKER_ENV, KAFKA_ENV]) {
    for (const variable of Object.values(table)) expect(run.stdout()).toContain(`  ${variable}`);
  }
});

test("an unknown option is told with the help", PROCESS, async () => {
  const run = runMain({}, ["--port", "1"]);
  expect(await run.exited).toBe(2);
  expect(run.stderr()).toMatch(/--port.*Usage/s);
});

test("all faults of the configuration are told at once", PROCESS, async () => {
  const run = runMain({ ACCOUNTS_HEALTH_PORT: "http", SHARDCAST_MEMBER: "2", SHARDCAST_GRACE_MS: "soon" });
  expect(await run.exited).toBe(1);
  for (const variable of [
    "ACCOUNTS_DIR",
    "ACCOUNTS_HEALTH_PORT",
    "SHARDCAST_REPLICAS",
    "SHARDCAST_GRACE_MS",
    "SHARDCAST_KAFKA_BROKERS",
  ]) {
    expect(run.stderr()).toContain(`(${variable})`);
  }
  expect(run.stdout()).toBe("");
});

test("a signal ends it with 0 while it waits for Kafka", PROCESS, async () => {
  const run = runMain({
    ACCOUNTS_DIR: temporaryDir(),
    ACCOUNTS_HEALTH_PORT: "0",
    SHARDCAST_KAFKA_BROKERS: "127.0.0.1:1",
    SHARDCAST_REPLICAS: "3",
    SHARDCAST_MEMBER: "accounts-2",
  });
  await expect.poll(run.stdout, { timeout: 20_000 }).toContain("health is served");
  run.child.kill("SIGTERM");
  expect(await run.exited).toBe(0);
});
