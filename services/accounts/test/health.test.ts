import type { OwnedLane } from "@shardcast/worker";
import { expect, onTestFinished, test } from "vitest";
import { serveHealth } from "../src/health.ts";

test("ready says whether lanes are owned, alive says that the process lives", async () => {
  let lanes: OwnedLane[] = [];
  const worker = { member: "1", lanes: () => lanes };
  const health = await serveHealth(worker, 0);
  onTestFinished(() => health.close());
  const get = (path: string) => fetch(`http://127.0.0.1:${health.port}${path}`);
  expect((await get("/healthz")).status).toBe(200);
  expect((await get("/readyz")).status).toBe(503);
  lanes = [{ lane: 1, fencingToken: 7, state: "owned" }];
  const ready = await get("/readyz");
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({ status: "ready", member: "1", lanes: [1] });
  expect((await get("/")).status).toBe(404);
});
