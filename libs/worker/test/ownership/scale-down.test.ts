import { openDirectory, type ReplicaSource, startPlanner } from "@shardcast/control";
import { createMemoryLog } from "@shardcast/log/memory";
import { expect, onTestFinished, test } from "vitest";
import type { Worker } from "../../src/index.ts";
import { Stage } from "../support/stage.ts";
import { SERVICE, until, World } from "../support/world.ts";

const LANES = 10;
/** None of them is waited for, or the test would never end. */
const HOUR = { graceMs: 3_600_000, drainMs: 3_600_000, leaseMs: 600_000 };

/** As `spec.replicas` of a StatefulSet. */
function scale(first: number) {
  const listeners = new Set<() => void>();
  const source = {
    replicas: first,
    watch(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const to = (replicas: number) => {
    source.replicas = replicas;
    for (const listener of listeners) listener();
  };
  return { source: source satisfies ReplicaSource, to };
}

/** So many replicas that share the lanes, and a planner. */
async function start(replicas: number) {
  const world = await World.open({ replicas: LANES });
  const stages = Array.from({ length: replicas }, () => new Stage());
  const workers = await Promise.all(
    stages.map(async ({ handler }, member) => {
      const options = { ...HOUR, member, lanes: LANES, replicas, defaultHandler: handler };
      return (await world.start(options)).worker;
    }),
  );
  const log = createMemoryLog({ cluster: world.cluster });
  const wanted = scale(replicas);
  const planner = startPlanner({
    ...{ log, service: SERVICE, lanes: LANES, replicas: wanted.source, reassignAfterMs: 600_000 },
    directory: await openDirectory(log, { service: SERVICE }),
  });
  onTestFinished(async () => {
    await planner.close();
    await log.close();
  });
  const maps = () => world.controlRecords().filter((each) => each.kind === "map");
  await until(() => expect(maps()).toHaveLength(1));
  return { world, stages, workers, maps, scale: wanted.to };
}

const lanesOf = (worker: Worker) => worker.lanes().map(({ lane }) => lane);

test("C10: from 5 to 2 one map takes the lanes of all three before any of them stops; who then stops leaves at once", async () => {
  const { world, stages, workers, maps, scale } = await start(5);
  const [zero, one, two, three, four] = workers as [Worker, Worker, Worker, Worker, Worker];
  await world.send("k", "runs", {}, 4);
  await world.send("k", "comes after", {}, 4);
  const running = await (stages[4] as Stage).call("runs");
  scale(2);
  await until(() => expect(lanesOf(zero).length + lanesOf(one).length).toBe(LANES - 1));
  expect([two, three].map((worker) => lanesOf(worker))).toEqual([[], []]);
  expect(four.lanes()).toMatchObject([{ lane: 4, state: "draining" }]);
  expect(maps()).toHaveLength(2);
  expect(new Set(maps().at(-1)?.lanes)).toEqual(new Set([0, 1]));

  // SIGTERM, the highest first: what runs is finished, nothing else is waited for, and the others need not wait for it.
  const stopped = four.stop();
  await Promise.all([three.stop(), two.stop()]);
  running.end();
  await stopped;
  const next = maps().at(-1)?.lanes[4] as number;
  await (stages[next] as Stage).call("comes after");
  expect(maps()).toHaveLength(2);
  const members = [...world.control().members()].map(([member, { state }]) => [member, state]);
  expect(Object.fromEntries(members)).toEqual({ 0: "up", 1: "up", 2: "left", 3: "left", 4: "left" });
});

test("C10: who stops before the map is there has released its lanes, and their next owners take them with the map", async () => {
  const { world, stages, workers, maps, scale } = await start(5);
  await workers[4]?.stop();
  expect(world.control().lane(4).kind).toBe("released");
  await world.send("k", "waits for an owner", {}, 4);
  scale(2);
  await until(() => expect(maps()).toHaveLength(2));
  const next = maps().at(-1)?.lanes[4] as number;
  await (stages[next] as Stage).call("waits for an owner");
});
