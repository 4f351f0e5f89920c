import { expect, test } from "vitest";
import { encodeDoneAbove } from "../src/execution/done-above.ts";
import type { Worker } from "../src/index.ts";
import { Stage } from "./support/stage.ts";
import { DEAD, quiet, until, World } from "./support/world.ts";

const replyTo = { partition: 0, instance: "someone" };

/** Whether a promise has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  await quiet();
  const pending = Symbol("pending");
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

test("what runs is finished, its reply and progress recorded; what was not started stays on the log", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({
    concurrency: 2,
    commitIntervalMs: 60_000,
    defaultHandler: stage.handler,
  });
  await world.send("a", "a0", { replyTo });
  await world.send("b", "b1", { replyTo });
  await world.send("a", "behind a0");
  await world.append({ key: Buffer.from("b"), headers: { "sc-version": "no request, behind b1" } });
  await world.send("c", "waits for a slot");
  const [first, second] = [await stage.started(1), await stage.started(2)];
  const stopped = worker.stop();
  expect(worker.lanes()).toMatchObject([{ lane: 0, state: "draining" }]);
  await world.send("d", "came later");
  second.end("b");
  expect(await settled(stopped)).toBe(false);
  expect(first.context.signal.aborted).toBe(false);
  first.end("a");
  await stopped;
  expect(stage.bodies).toEqual(["a0", "b1"]);
  await quiet();
  expect(world.replies()).toHaveLength(2);
  expect(world.records(DEAD)).toEqual([]);
  expect(world.committed()).toBe("2:");
  expect(await worker.ended).toEqual({ reason: "stopped" });
  expect(worker.lanes()).toEqual([]);

  const next = new Stage();
  await world.start({ defaultHandler: next.handler });
  await next.started(3);
  expect(next.bodies).toEqual(["behind a0", "waits for a slot", "came later"]);
});

test("C3: the reply of what ended while it stops is waited for", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({ defaultHandler: stage.handler });
  await world.send("a", "", { replyTo });
  const call = await stage.started(1);
  world.cluster.setAvailable(false);
  const stopped = worker.stop();
  call.end("answer");
  expect(await settled(stopped)).toBe(false);
  world.cluster.setAvailable(true);
  await stopped;
  expect(world.replies()).toHaveLength(1);
  expect(world.committed()).toBe("1:");
});

test("the outcome of what runs counts whichever it is, but no attempt begins any more", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({ maxAttempts: 2, defaultHandler: stage.handler });
  for (const key of ["retry", "last", "second", "never"]) await world.send(key, key);
  for (const key of ["last", "second"]) (await stage.call(key)).fail(new Error("boom"));
  const last = await until(() => callOf(stage, "last", 2));
  const second = await until(() => callOf(stage, "second", 2));
  const stopped = worker.stop();
  (await stage.call("retry")).fail(new Error("boom"));
  (await stage.call("never")).end();
  last.fail(new Error("boom"));
  second.end();
  await stopped;
  expect(stage.calls).toHaveLength(6); // "retry" was not tried again: it is the next owner's
  expect((await world.dead(1)).map(({ key }) => key?.toString())).toEqual(["last"]);
  expect(world.committed()).toBe(`0:${encodeDoneAbove(0, [1, 2, 3])}`);
});

function callOf(stage: Stage, body: string, attempt: number) {
  const found = stage.calls.find((c) => c.request.text() === body && c.context.attempt === attempt);
  return found ?? expect.unreachable(`${body} was not called ${attempt} times`);
}

test("a key that waits for its next attempt does not hold the stop", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({
    retryMinMs: 3_600_000,
    retryMaxMs: 3_600_000,
    graceMs: 3_600_000,
    defaultHandler: stage.handler,
  });
  await world.send("a", "a0");
  (await stage.started(1)).fail(new Error("boom"));
  await quiet();
  await worker.stop();
  expect([undefined, "0:"]).toContain(world.committed());
});

test("after the grace time the signal fires, and a handler that does not heed it is left behind", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({ graceMs: 20, defaultHandler: stage.handler });
  await world.send("deaf", "deaf", { replyTo });
  await world.send("quick", "quick");
  (await stage.call("quick")).end();
  const deaf = await stage.call("deaf");
  await worker.stop();
  expect(deaf.context.signal.aborted).toBe(true);
  expect(world.logged("grace time is over")).toHaveLength(1);
  expect(world.committed()).toBe(`0:${encodeDoneAbove(0, [1])}`);
  deaf.end("too late");
  await quiet();
  expect(world.replies()).toEqual([]); // the next owner answers (C4)
  expect(await worker.ended).toEqual({ reason: "stopped" });
});

test("a stop with nothing running is at once, repeated calls share it, and starting again is refused", async () => {
  const world = await World.open();
  const { worker } = await world.start({ graceMs: 3_600_000, defaultHandler: () => {} });
  await Promise.all([worker.stop(), worker.stop()]);
  await worker.stop();
  await expect(worker.start()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  expect(world.logged("stopped")).toHaveLength(1);
});

test("a worker that was never started stops too", async () => {
  const world = await World.open();
  const { worker } = world.worker();
  await worker.stop();
  expect(await worker.ended).toEqual({ reason: "stopped" });
  await expect(worker.start()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
});

test("a handler may stop its worker; its own request is finished", async () => {
  const world = await World.open();
  let worker: Worker | undefined;
  ({ worker } = await world.start({ defaultHandler: () => void worker?.stop() }));
  await world.send("a", "");
  await worker.ended;
  expect(world.committed()).toBe("1:");
});

test("a stop while the log is away ends; what was not committed is handled again", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({ commitIntervalMs: 60_000, defaultHandler: stage.handler });
  await world.send("a", "");
  (await stage.started(1)).end();
  await quiet();
  world.cluster.setAvailable(false);
  await worker.stop();
  expect(world.logged("last progress not committed")).toMatchObject([{ lanes: [0] }]);
  world.cluster.setAvailable(true);
  const next = new Stage();
  await world.start({ defaultHandler: next.handler });
  await next.started(1);
});
