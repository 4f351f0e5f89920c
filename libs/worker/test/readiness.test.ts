import { expect, test } from "vitest";
import { Stage } from "./support/stage.ts";
import { until, World } from "./support/world.ts";

const many = { lanes: 4, replicas: 2, drainMs: 60_000 };

test("a member is ready when the lanes that the map gives it are taken, and says which", async () => {
  const world = await World.open({ replicas: 4 });
  const { worker } = world.worker({ ...many, member: 1, defaultHandler: () => {} });
  expect(worker.readiness()).toEqual({
    ...{ ready: false, status: "joining", member: "1" },
    ...{ lanes: [], missing: [] },
  });
  await worker.start();
  expect(worker.readiness()).toEqual({
    ...{ ready: true, status: "ready", member: "1" },
    ...{ lanes: [1, 3], missing: [] },
  });
});

test("a member whose lanes another one has not given back yet is not ready: a roll-out waits for it", async () => {
  const world = await World.open({ replicas: 4 });
  const stage = new Stage();
  const zero = await world.start({ ...many, member: 0, defaultHandler: stage.handler });
  await world.send("a", "holds", {}, 0);
  const running = await stage.call("holds");
  await world.publish([1, 1, 0, 0]);
  await until(() => expect(zero.worker.lanes()[0]).toMatchObject({ lane: 0, state: "draining" }));
  // Nobody has lane 1 yet, and it is not what it waits for.
  const { worker: one } = await world.start({ ...many, member: 1, defaultHandler: () => {} });
  await until(() =>
    expect(one.readiness()).toMatchObject({ status: "taking lanes", lanes: [1], missing: [0] }),
  );
  expect(one.readiness().ready).toBe(false);
  running.end();
  await until(() => expect(one.readiness()).toMatchObject({ ready: true, lanes: [0, 1], missing: [] }));
});

test("once ready, a lane more that is on its way does not make it unready", async () => {
  const world = await World.open({ replicas: 4 });
  const stage = new Stage();
  await world.start({ ...many, member: 0, defaultHandler: stage.handler });
  const { worker: one } = await world.start({ ...many, member: 1, defaultHandler: () => {} });
  expect(one.readiness()).toMatchObject({ ready: true, lanes: [1, 3] });
  await world.send("a", "holds", {}, 0);
  const running = await stage.call("holds");
  await world.publish([1, 1, 1, 1]);
  await until(() => expect(one.readiness()).toMatchObject({ lanes: [1, 2, 3], missing: [0] }));
  expect(one.readiness()).toMatchObject({ ready: true, status: "ready" });
  running.end();
  await until(() => expect(one.readiness()).toMatchObject({ lanes: [0, 1, 2, 3], missing: [] }));
});

test("a replica that the map does not count on yet is not ready, until a map gives it its lanes", async () => {
  const world = await World.open({ replicas: 4 });
  await world.publish([0, 1, 0, 1]);
  const { worker } = await world.start({ ...many, member: 2, defaultHandler: () => {} });
  expect(worker.readiness()).toMatchObject({ ready: false, status: "joining" });
  await world.publish([0, 1, 2, 1]);
  await until(() => expect(worker.readiness()).toMatchObject({ ready: true, lanes: [2] }));
});

test("a replica that no map counts on any more stays ready: a StatefulSet does not scale down over pods that are not", async () => {
  const world = await World.open({ replicas: 4 });
  await world.publish([0, 1, 2, 2]);
  const two = await world.start({ ...many, member: 2, defaultHandler: () => {} });
  expect(two.worker.readiness()).toMatchObject({ ready: true, lanes: [2, 3] });
  await world.publish([0, 1, 0, 1]);
  await until(() => expect(two.worker.readiness().lanes).toEqual([]));
  expect(two.worker.readiness()).toMatchObject({ ready: true, status: "ready", missing: [] });
});

test("a replica that no map counts on for as long as a lost one keeps its lanes is ready: nothing is meant for it", async () => {
  const world = await World.open({ replicas: 4 });
  await world.publish([0, 1, 0, 1]);
  const { worker } = await world.start({ ...many, member: 2, lostAfterMs: 50, defaultHandler: () => {} });
  await until(() => expect(worker.readiness()).toMatchObject({ ready: true, lanes: [] }));
});

test("with more replicas than lanes, one that is to have none is ready", async () => {
  const world = await World.open({ replicas: 2 });
  const { worker } = await world.start({ lanes: 2, replicas: 3, member: 2, defaultHandler: () => {} });
  expect(worker.readiness()).toMatchObject({ ready: true, lanes: [], missing: [] });
});

test("a member that leaves is not ready from the first moment on", async () => {
  const world = await World.open({ replicas: 4 });
  const stage = new Stage();
  const { worker } = await world.start({ ...many, member: 0, defaultHandler: stage.handler });
  await world.send("a", "holds", {}, 0);
  const running = await stage.call("holds");
  const stopped = worker.stop();
  expect(worker.readiness()).toMatchObject({ ready: false, status: "leaving" });
  running.end();
  await stopped;
  expect(worker.readiness()).toMatchObject({ ready: false, status: "leaving", lanes: [] });
});

test("a lane whose state is still being loaded is missing", async () => {
  const world = await World.open({ replicas: 2 });
  const loaded = Promise.withResolvers<void>();
  await world.publish([0, 0]);
  const onLaneAcquired = () => loaded.promise;
  const { worker } = await world.start({ lanes: 2, member: 1, onLaneAcquired, defaultHandler: () => {} });
  await world.publish([0, 1]);
  await until(() => expect(worker.lanes()).toMatchObject([{ lane: 1, state: "acquiring" }]));
  expect(worker.readiness()).toMatchObject({ ready: false, status: "taking lanes", lanes: [], missing: [1] });
  loaded.resolve();
  await until(() => expect(worker.readiness()).toMatchObject({ ready: true, lanes: [1], missing: [] }));
});
