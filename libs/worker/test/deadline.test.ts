import { expect, test, vi } from "vitest";
import { RetryableError } from "../src/index.ts";
import { Stage } from "./support/stage.ts";
import { DEAD, quiet, REPLIES, until, World } from "./support/world.ts";

const replyTo = { partition: 0, instance: "someone" };

test("C8: no handler starts after the deadline; the caller is told and the key goes on", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.send("k", "late", { deadlineMs: Date.now() - 1, replyTo });
  await world.send("k", "in time", { deadlineMs: Date.now() + 60_000 });
  await world.start({ defaultHandler: stage.handler });
  (await stage.started(1)).end();
  await world.committedAt(2);
  expect(stage.bodies).toEqual(["in time"]);
  const [answer] = world.records(REPLIES);
  expect(JSON.parse(answer?.value?.toString() ?? "")).toMatchObject({
    code: "SHARDCAST_DEADLINE_EXCEEDED",
    status: 504,
    detail: "the deadline passed before the handler could start",
    attempts: 0,
  });
  expect(world.records(DEAD)).toEqual([]);
});

test("C8: it is checked when the slot is free, not when the request was read", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ concurrency: 1, defaultHandler: stage.handler });
  await world.send("a", "first");
  const first = await stage.started(1);
  const deadlineMs = Date.now() + 15;
  await world.send("b", "second", { deadlineMs });
  await until(() => expect(Date.now()).toBeGreaterThan(deadlineMs));
  first.end();
  await world.committedAt(2);
  expect(stage.bodies).toEqual(["first"]);
});

test("C8: the handler sees the time that is left", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ defaultHandler: stage.handler });
  const deadlineMs = Date.now() + 50_000;
  await world.send("a", "", { deadlineMs });
  await world.send("b", "");
  const { context } = await stage.started(1);
  expect(context.deadlineMs).toBe(deadlineMs);
  expect(context.remainingMs()).toBeGreaterThan(40_000);
  expect(context.remainingMs()).toBeLessThanOrEqual(50_000);
  const now = vi.spyOn(Date, "now").mockReturnValue(deadlineMs + 5);
  expect(context.remainingMs()).toBe(0);
  now.mockRestore();
  const { context: endless } = await stage.started(2);
  expect([endless.deadlineMs, endless.remainingMs()]).toEqual([undefined, Number.POSITIVE_INFINITY]);
});

test("C8 C9: when no time is left for the next attempt, nobody waits for it", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ retryMinMs: 3_600_000, retryMaxMs: 3_600_000, defaultHandler: stage.handler });
  await world.send("k", "first", { deadlineMs: Date.now() + 60_000, replyTo });
  await world.send("k", "second", { deadlineMs: Date.now() + 60_000 });
  (await stage.started(1)).fail(new Error("boom"));
  (await stage.call("second")).end();
  await world.committedAt(2);
  const [answer] = world.records(REPLIES);
  expect(JSON.parse(answer?.value?.toString() ?? "")).toMatchObject({
    code: "SHARDCAST_DEADLINE_EXCEEDED",
    detail: "no time was left after 1 failed attempt: boom",
    attempts: 1,
  });
});

test("C8: the time a RetryableError asks for counts too", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ defaultHandler: stage.handler });
  await world.send("k", "first", { deadlineMs: Date.now() + 60_000 });
  (await stage.started(1)).fail(new RetryableError("later", { retryAfterMs: 120_000 }));
  await world.committedAt(1);
  await quiet();
  expect(stage.calls).toHaveLength(1);
});
