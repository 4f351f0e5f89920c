import { createMemoryLog } from "@shardcast/log/memory";
import { expect, test } from "vitest";
import { LaneBarrier } from "../../src/broadcasts/lane-barrier.ts";
import { announce, BroadcastStage, position, positionAt, word } from "../support/broadcasts.ts";
import { Stage } from "../support/stage.ts";
import { quiet, REQUESTS, until, World } from "../support/world.ts";

function startWith(world: World, stage: Stage, broadcasts: BroadcastStage, options = {}) {
  const { worker, log } = world.worker({ defaultHandler: stage.handler, concurrency: 10, ...options });
  worker.onBroadcast("", broadcasts.handler, { after: "lanes" });
  worker.onBroadcast("now", broadcasts.handler, { order: "concurrent" });
  return worker.start().then(() => ({ worker, log }));
}

test("after lanes: a broadcast waits for what lay on the lanes when it arrived, and not for what came later", async () => {
  const world = await World.open({ replicas: 1 });
  const stage = new Stage();
  const broadcasts = new BroadcastStage();
  await startWith(world, stage, broadcasts);
  await world.send("a", "before");
  await world.send("b", "also before");
  const [first, second] = [await stage.call("before"), await stage.call("also before")];
  await announce(world, "behind them");
  await announce(world, "at once", { handler: "now" });
  await broadcasts.started(1);
  await quiet();
  await world.send("c", "later");
  const later = await stage.call("later");
  second.end();
  await quiet();
  expect(broadcasts.bodies).toEqual(["at once"]);
  first.end();
  await broadcasts.started(2);
  expect(broadcasts.bodies).toEqual(["at once", "behind them"]);
  later.end();
});

test("after lanes: with nothing on the lanes it begins at once", async () => {
  const world = await World.open({ replicas: 2 });
  const broadcasts = new BroadcastStage();
  await startWith(world, new Stage(), broadcasts);
  const { id } = await announce(world, "");
  (await broadcasts.started(1)).end();
  await word(world, id);
});

test("after lanes: the end of a lane that no record has, behind a commit's mark, is passed when what was delivered is done", async () => {
  const world = await World.open();
  const connection = createMemoryLog({ cluster: world.cluster });
  // As Kafka counts: a commit's mark is an offset, and the reader passes it without a record.
  const log: typeof connection = {
    ...connection,
    get available() {
      return connection.available;
    },
    rangesOf: async (topic) => {
      const ranges = await connection.rangesOf(topic);
      return topic === REQUESTS ? ranges.map(({ low, high }) => ({ low, high: high + 1 })) : ranges;
    },
    openReader: async (options) => {
      const reader = await connection.openReader(options);
      return {
        ...reader,
        reached: (topic, lane, offset) =>
          reader.reached(topic, lane, topic === REQUESTS ? offset - 1 : offset),
      };
    },
  };
  const stage = new Stage();
  const broadcasts = new BroadcastStage();
  await startWith(world, stage, broadcasts, { log });
  await world.send("a", "before");
  const call = await stage.call("before");
  const { id } = await announce(world, "");
  await quiet();
  expect(broadcasts.calls).toHaveLength(0);
  call.end();
  (await broadcasts.started(1)).end();
  await word(world, id);
});

test("after lanes: a lane that moves away does not hold it up", async () => {
  const world = await World.open({ replicas: 2 });
  await world.publish([0, 0]);
  const stage = new Stage();
  const broadcasts = new BroadcastStage();
  await startWith(world, stage, broadcasts, { drainMs: 1 });
  await world.send("a", "hangs", {}, 1);
  await stage.call("hangs");
  const { id } = await announce(world, "");
  await quiet();
  expect(broadcasts.calls).toHaveLength(0);
  await world.publish([0, 1]);
  (await broadcasts.started(1)).end();
  await word(world, id);
});

test("after lanes: a member that was down handles the keyed work before it, then the broadcast", async () => {
  const world = await World.open();
  const broadcasts = new BroadcastStage();
  const stage = new Stage();
  const { worker } = await startWith(world, stage, broadcasts);
  await worker.stop();
  await world.send("a", "before");
  const { id } = await announce(world, "behind it");
  const onLaneAcquired = async () => {
    await announced.promise;
  };
  const announced = Promise.withResolvers<void>();
  const started = startWith(world, stage, broadcasts, { onLaneAcquired });
  await until(() => expect(position(world)).toBe("0:"));
  await quiet();
  expect(broadcasts.calls).toHaveLength(0); // its lane is not even held yet
  announced.resolve();
  const call = await stage.call("before");
  await started;
  await quiet();
  expect(broadcasts.calls).toHaveLength(0);
  call.end();
  (await broadcasts.started(1)).end();
  await word(world, id);
});

test("after lanes: a stop ends the wait, and the broadcast stays for the next process", async () => {
  const world = await World.open();
  const stage = new Stage();
  const broadcasts = new BroadcastStage();
  const { worker } = await startWith(world, stage, broadcasts);
  await world.send("a", "runs");
  const call = await stage.call("runs");
  const { offset } = await announce(world, "");
  await quiet();
  const stopped = worker.stop();
  call.end();
  await stopped;
  expect(broadcasts.calls).toHaveLength(0);
  await startWith(world, stage, broadcasts);
  (await broadcasts.started(1)).end();
  await positionAt(world, offset + 1);
});

test("after lanes: the ends of the lanes are asked for once for what arrives together, and again while the log is away", async () => {
  const world = await World.open();
  const connection = createMemoryLog({ cluster: world.cluster });
  let asked = 0;
  const log: typeof connection = {
    ...connection,
    get available() {
      return connection.available;
    },
    rangesOf: async (topic) => {
      if (topic === REQUESTS && ++asked === 1) throw new Error("no answer");
      return connection.rangesOf(topic);
    },
  };
  const broadcasts = new BroadcastStage();
  await startWith(world, new Stage(), broadcasts, { log });
  for (let i = 0; i < 10; i++) await announce(world, String(i));
  for (let n = 1; n <= 10; n++) (await broadcasts.started(n)).end();
  await positionAt(world, 10);
  expect(asked).toBeLessThanOrEqual(4);
});

test("after lanes: an answer that was asked for before a broadcast arrived does not count for it", async () => {
  const answers: ((high: number) => void)[] = [];
  const reached: number[] = [];
  const barrier = new LaneBarrier({
    log: {
      rangesOf: () => new Promise((resolve) => answers.push((high) => resolve([{ low: 0, high }]))),
    },
    requests: REQUESTS,
    reader: { reached: async (_topic, _lane, offset) => void reached.push(offset) },
    settled: async () => {},
    held: () => [
      {
        lane: 0,
        state: "owned",
        signal: new AbortController().signal,
        execution: { doneBelow: async () => {} },
      },
    ],
    halted: new AbortController().signal,
  });
  const first = barrier.passed();
  await quiet();
  const [second, third] = [barrier.passed(), barrier.passed()];
  await quiet();
  expect(answers).toHaveLength(1);
  answers[0]?.(1);
  await first;
  await quiet();
  expect(answers).toHaveLength(2);
  answers[1]?.(5);
  await Promise.all([second, third]);
  expect(reached).toEqual([1, 5, 5]);
});
