import { expect, test, vi } from "vitest";
import { encodeDoneAbove } from "../src/execution/done-above.ts";
import { Stage } from "./support/stage.ts";
import { DEAD, quiet, until, World } from "./support/world.ts";

const replyTo = { partition: 0, instance: "someone" };

test("C10: after a crash what was recorded done is not handled again, what was not is, keys in order", async () => {
  const world = await World.open();
  const dead = new Stage();
  const { log } = await world.start({ defaultHandler: dead.handler });
  for (const [key, body] of [
    ["a", "a0"],
    ["b", "b1"],
    ["a", "a2"],
    ["c", "c3"],
    ["d", "d4"],
    ["b", "b5"],
  ] as const)
    await world.send(key, body);
  (await dead.call("b1")).end();
  (await dead.call("c3")).end();
  await dead.call("b5");
  await world.committedAt(0, encodeDoneAbove(0, [1, 3]));
  await log.close(); // the process dies with a0, d4 and b5 running

  const next = new Stage();
  await world.start({ defaultHandler: next.handler });
  (await next.started(3)).end();
  await quiet();
  expect(next.bodies).toEqual(["a0", "d4", "b5"]);
  for (const call of [...next.calls]) call.end();
  (await next.call("a2")).end();
  await world.committedAt(6);
  expect(next.calls).toHaveLength(4);
});

test("C10: what was done but not recorded when the process died is handled again", async () => {
  const world = await World.open();
  const dead = new Stage();
  const { log } = await world.start({ commitIntervalMs: 60_000, defaultHandler: dead.handler });
  await world.send("a", "a0");
  (await dead.started(1)).end();
  await quiet();
  await log.close();
  const next = new Stage();
  await world.start({ defaultHandler: next.handler });
  expect((await next.started(1)).request.text()).toBe("a0");
});

test("C2: fenced by a newer process: the signal fires, no handler starts any more, `ended` says so, nothing is committed", async () => {
  const world = await World.open();
  const old = new Stage();
  const { worker } = await world.start({ concurrency: 2, maxAttempts: 1, defaultHandler: old.handler });
  await world.send("a", "a0", { replyTo });
  await world.send("a", "a1");
  await world.send("b", "b2");
  await world.send("c", "waits for a slot");
  const [first, second] = [await old.call("a0"), await old.call("b2")];

  const fresh = new Stage();
  const { worker: newer } = await world.start({ commitIntervalMs: 60_000, defaultHandler: fresh.handler });
  expect(await worker.ended).toEqual({ reason: "fenced" });
  expect(first.context.signal.aborted).toBe(true);
  expect(first.context.signal.reason).toMatchObject({ code: "SHARDCAST_FENCED" });
  expect(worker.lanes()).toEqual([]);
  first.end("a stale answer");
  second.fail(new Error("stale"));
  await quiet();
  expect(old.bodies).toEqual(["a0", "b2"]);
  expect(world.replies()).toEqual([]); // C4
  expect(world.records(DEAD)).toEqual([]);
  expect(world.logged("dead-lettered")).toEqual([]);
  expect([undefined, "0:"]).toContain(world.committed());
  expect(world.logged("fenced by a newer process")).toHaveLength(1);

  await worker.stop(); // has nothing left to do
  await expect(worker.start()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  await fresh.started(3);
  expect(fresh.bodies).toEqual(["a0", "b2", "waits for a slot"]);
  expect(newer.lanes()).toMatchObject([{ lane: 0, state: "owned" }]);
});

test("C2: fenced while it has nothing to do, it finds out by itself", async () => {
  const world = await World.open();
  const { worker } = await world.start({ defaultHandler: () => {} });
  await world.start({ defaultHandler: () => {} });
  expect(await worker.ended).toEqual({ reason: "fenced" });
});

test("C2: fenced during the grace time of a stop, it waits no longer for its handlers", async () => {
  const world = await World.open();
  const old = new Stage();
  const { worker } = await world.start({ graceMs: 3_600_000, defaultHandler: old.handler });
  await world.send("a", "a0", { replyTo });
  const call = await old.started(1);
  const stopped = worker.stop();
  await world.start({ defaultHandler: () => {} });
  await stopped;
  expect(await worker.ended).toEqual({ reason: "fenced" });
  expect(call.context.signal.aborted).toBe(true);
});

test("C2: a handler that ends after the fence in a retry is not answered either", async () => {
  const world = await World.open();
  const old = new Stage();
  const { worker } = await world.start({ defaultHandler: old.handler });
  await world.send("a", "a0", { replyTo });
  (await old.started(1)).fail(new Error("boom"));
  const second = await old.started(2);
  await world.start({ commitIntervalMs: 60_000, defaultHandler: () => new Promise(() => {}) });
  await worker.ended;
  second.end("stale");
  await quiet();
  expect(world.replies()).toEqual([]);
});

test("a second process that takes over and then leaves hands on what it recorded", async () => {
  const world = await World.open();
  const handled: string[] = [];
  const defaultHandler = vi.fn((request: { text(): string }) => void handled.push(request.text()));
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 5; i++) await world.send(`k${i}`, `${round}.${i}`);
    const { worker } = await world.start({ defaultHandler });
    await until(() => expect(handled).toHaveLength((round + 1) * 5));
    await worker.stop();
    expect(world.committed()).toBe(`${(round + 1) * 5}:`);
  }
  expect(new Set(handled).size).toBe(20);
});
