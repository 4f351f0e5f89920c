import { KAFKA_ENV } from "@shardcast/log-kafka";
import { expect, test } from "vitest";
import { SIDECAR_ENV } from "../src/index.ts";
import { startApp } from "./support/app.ts";
import { runMain } from "./support/process.ts";

const TEST_MS = 60_000;

test("--help names every variable", { timeout: TEST_MS }, async () => {
  const run = runMain({}, ["--help"]);
  expect(await run.exited).toBe(0);
  for (const table of [
    SIDECAR_ENV,
    KAFKA_ENV,
    { service: "SHARDCAST_SERVICE", grace: "SHARDCAST_GRACE_MS" },
  ]) {
    for (const variable of Object.values(table)) expect(run.stdout()).toContain(`  ${variable}`);
  }
});

test("an unknown option is told with the help", { timeout: TEST_MS }, async () => {
  const run = runMain({}, ["--port", "1"]);
  expect(await run.exited).toBe(2);
  expect(run.stderr()).toMatch(/--port.*Usage/s);
});

test("all faults of the configuration are told at once", { timeout: TEST_MS }, async () => {
  const of = (env: Readonly<Record<string, string>>) => runMain({ SHARDCAST_GRACE_MS: "soon", ...env });
  const nowhere = of({ SHARDCAST_APP_TIMEOUT_MS: "soon" });
  const durable = of({ SHARDCAST_APP_URL: "http://127.0.0.1:1", SHARDCAST_MEMBER: "accounts-2" });
  const number = of({
    SHARDCAST_APP_URL: "http://127.0.0.1:1",
    SHARDCAST_MEMBER: "2",
    SHARDCAST_MEMBERSHIP: "ephemeral",
  });
  const kafka = "SHARDCAST_KAFKA_BROKERS";
  for (const [run, variables] of [
    [nowhere, [kafka, "SHARDCAST_APP_URL", "SHARDCAST_APP_TIMEOUT_MS"]],
    [durable, [kafka, "SHARDCAST_GRACE_MS", "SHARDCAST_SERVICE", "SHARDCAST_REPLICAS"]],
    [number, [kafka, "SHARDCAST_GRACE_MS", "SHARDCAST_SERVICE", "SHARDCAST_MEMBER"]],
  ] as const) {
    expect(await run.exited).toBe(1);
    for (const variable of variables) expect(run.stderr()).toContain(`(${variable})`);
    expect(run.stdout()).toBe("");
  }
});

test("says whether it is ready, and a signal ends it with 0 while it waits", {
  timeout: TEST_MS,
}, async () => {
  const app = await startApp();
  app.answer = (response) => void response.writeHead(503).end();
  const run = runMain({
    SHARDCAST_APP_URL: app.url,
    SHARDCAST_APP_HEALTH_URL: app.url,
    SHARDCAST_HEALTH_PORT: "0",
    SHARDCAST_LOCAL_PORT: "0",
    SHARDCAST_KAFKA_BROKERS: "127.0.0.1:1",
    SHARDCAST_SERVICE: "accounts",
    SHARDCAST_REPLICAS: "3",
    SHARDCAST_MEMBER: "accounts-2",
  });
  await expect.poll(run.stdout, { timeout: 30_000 }).toContain("waiting for the application");
  const [, port] = /"port":([0-9]+)/.exec(run.stdout()) ?? [];
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return [response.status, await response.json()];
  };
  expect(await get("/healthz")).toEqual([200, { status: "alive" }]);
  expect(await get("/readyz")).toMatchObject([503, { ready: false, status: "waiting for the application" }]);
  expect((await get("/"))[0]).toBe(404);
  const drained = get("/drained");
  const [, local] = /"port":([0-9]+),"msg":"local API is served"/.exec(run.stdout()) ?? [];
  expect((await fetch(`http://127.0.0.1:${local}/v1/lanes`)).status).toBe(200);
  run.child.kill("SIGTERM");
  // For the application's preStop hook: its sidecar has left, so it may end.
  expect(await drained).toEqual([200, { status: "left" }]);
  expect(await run.exited).toBe(0);
});
