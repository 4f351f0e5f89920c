import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { LaneContext } from "../../src/index.ts";
import { commitsThrough, laneRecords } from "../support/commits.ts";
import { Stage } from "../support/stage.ts";
import { quiet, until, World } from "../support/world.ts";

test("handlers wait for onLaneAcquired, which gets the token that they get", async () => {
  const world = await World.open();
  const loaded = Promise.withResolvers<void>();
  const contexts: LaneContext[] = [];
  const stage = new Stage();
  await world.send("k", "early");
  const { worker } = world.worker({
    onLaneAcquired: (lane, context) => {
      expect(lane).toBe(0);
      contexts.push(context);
      return loaded.promise;
    },
    defaultHandler: stage.handler,
  });
  const started = worker.start();
  await until(() => expect(worker.lanes().length + contexts.length).toBeGreaterThan(0));
  await quiet();
  expect(stage.calls).toHaveLength(0);
  loaded.resolve();
  await started;
  const call = await stage.call("early");
  expect(call.context.fencingToken).toBe(contexts[0]?.fencingToken);
  expect(contexts[0]?.signal.aborted).toBe(false);
});

test("C2: onLaneAcquired is called under the lease only: what answered late may have been overtaken", async () => {
  const world = await World.open();
  const acquired = vi.fn();
  let held: (() => void)[] | undefined;
  let answered = false;
  const log = commitsThrough(world, async (work, session) => {
    if (held !== undefined) await new Promise<void>((resolve) => held?.push(resolve));
    const outcome = await session.commit(work);
    if (laneRecords(work).length > 0) {
      held = []; // what would renew the lease
      await world.lapsed(300);
      answered = true;
    }
    return outcome;
  });
  const { worker } = world.worker({ log, leaseMs: 300, onLaneAcquired: acquired, defaultHandler: () => {} });
  const started = worker.start();
  await until(() => expect(answered).toBe(true));
  await quiet();
  expect(acquired).not.toHaveBeenCalled();
  const waiting = held ?? [];
  held = undefined;
  for (const go of waiting) go();
  await started;
  expect(acquired).toHaveBeenCalledTimes(1);
});

test("onLaneReleased runs after the last handler and before the next owner, and may flush", async () => {
  const world = await World.open();
  await world.publish([0]);
  const events: string[] = [];
  const flushed = Promise.withResolvers<void>();
  const stage = new Stage();
  const { worker } = await world.start({
    lanes: 1,
    replicas: 2,
    onLaneReleased: async (_, { signal }) => {
      expect(signal.aborted).toBe(false);
      events.push("flushing");
      await flushed.promise;
      events.push("flushed");
    },
    defaultHandler: stage.handler,
  });
  await world.start({
    member: 1,
    lanes: 1,
    replicas: 2,
    onLaneAcquired: () => void events.push("acquired by the next"),
    defaultHandler: () => {},
  });
  await world.send("k", "last");
  const call = await stage.call("last");
  await world.publish([1]);
  await until(() => expect(worker.lanes()).toMatchObject([{ state: "draining" }]));
  expect(events).toEqual([]);
  call.end();
  await until(() => expect(events).toEqual(["flushing"]));
  await quiet();
  expect(events).toEqual(["flushing"]);
  flushed.resolve();
  await until(() => expect(events).toEqual(["flushing", "flushed", "acquired by the next"]));
});

test.each([
  ["throws", () => Promise.reject(new Error("no state"))],
  ["takes too long", () => new Promise<void>(() => {})],
])("onLaneAcquired that %s: the lane is given back and taken again later", async (_, hook) => {
  const world = await World.open();
  const calls: LaneContext[] = [];
  const stage = new Stage();
  await world.start({
    hookTimeoutMs: 20,
    onLaneAcquired: (_lane, context) => {
      calls.push(context);
      return calls.length === 1 ? hook() : undefined;
    },
    defaultHandler: stage.handler,
  });
  await until(() => expect(world.control().lane(0).kind).toBe("released"));
  expect(world.logged("could not be taken")).toHaveLength(1);
  await until(() => expect(calls[0]?.signal.aborted).toBe(true));
  await world.send("k", "waits");
  await stage.call("waits");
  expect(calls).toHaveLength(2);
  expect(calls[1]?.fencingToken).toBeGreaterThan(calls[0]?.fencingToken as number);
});

test.each([
  ["throws", () => Promise.reject(new Error("disk full"))],
  ["takes too long", () => new Promise<void>(() => {})],
])("onLaneReleased that %s: the lane is released all the same, and it is logged", async (_, hook) => {
  const world = await World.open();
  const { worker } = await world.start({ hookTimeoutMs: 20, onLaneReleased: hook, defaultHandler: () => {} });
  await worker.stop();
  expect(world.control().lane(0).kind).toBe("released");
  expect(world.logged("onLaneReleased failed")).toHaveLength(1);
});

test("C2: a lane that is lost is not flushed: only its signal fires", async () => {
  const world = await World.open();
  const released = vi.fn();
  let signal: AbortSignal | undefined;
  const { worker } = await world.start({
    onLaneAcquired: (_, context) => {
      signal = context.signal;
    },
    onLaneReleased: released,
    defaultHandler: () => {},
  });
  const lost = vi.fn();
  worker.on("laneLost", lost);
  await world.start({ defaultHandler: () => {} });
  await worker.ended;
  expect(signal?.aborted).toBe(true);
  expect(released).not.toHaveBeenCalled();
  expect(lost).toHaveBeenCalledTimes(1);
});

test("events tell what becomes of lanes; a listener that throws ends nothing, one that is taken off hears nothing", async () => {
  const world = await World.open({ replicas: 2 });
  const { worker } = world.worker({ lanes: 2, replicas: 1, defaultHandler: () => {} });
  const events: string[] = [];
  worker.on("laneAcquired", () => {
    throw new Error("a fault of the user's");
  });
  worker.on("laneAcquired", ({ lane, state }) => events.push(`+${lane} ${state}`));
  worker.on("laneReleased", ({ lane, state }) => events.push(`-${lane} ${state}`));
  const off = worker.on("laneAcquired", () => events.push("never"));
  off();
  await worker.start();
  await worker.stop();
  expect(events.toSorted()).toEqual(["+0 owned", "+1 owned", "-0 gone", "-1 gone"]);
  expect(world.logged("a listener threw")).toHaveLength(2);
});

test("a stop while a hook hangs ends all the same", async () => {
  const world = await World.open();
  const { worker } = world.worker({ onLaneAcquired: () => sleep(3_600_000, undefined, { ref: false }) });
  const started = worker.start();
  const refused = expect(started).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  await until(() => expect(world.control().lane(0).kind).toBe("owned"));
  await worker.stop();
  await refused;
  expect(world.control().lane(0).kind).toBe("released");
});
