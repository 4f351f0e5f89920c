import type { Log } from "@shardcast/log";
import { createMemoryLog } from "@shardcast/log/memory";
import { ShardcastError } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { Stage } from "../support/stage.ts";
import { quiet, RESULTS, World } from "../support/world.ts";

/** A connection whose questions for the end of the results, but for the one at the opening, the test answers. */
function resultsThrough(world: World, asked: (ask: Log["rangesOf"]) => ReturnType<Log["rangesOf"]>): Log {
  const log = createMemoryLog({ cluster: world.cluster });
  let opened = false;
  return {
    ...log,
    get available() {
      return log.available;
    },
    rangesOf: (topic) => {
      if (topic !== RESULTS || !opened) {
        opened ||= topic === RESULTS;
        return log.rangesOf(topic);
      }
      return asked(log.rangesOf);
    },
  };
}

test("C5: no handler starts before it is known what the owners before have recorded", async () => {
  const world = await World.open();
  const stage = new Stage();
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const log = resultsThrough(world, async (ask) => {
    asked.resolve();
    await gate.promise;
    return ask(RESULTS);
  });
  await world.send("k", "first");
  const { worker } = world.worker({ log, defaultHandler: stage.handler });
  const started = worker.start();
  await asked.promise;
  await quiet();
  expect(world.control().lane(0)).toMatchObject({ kind: "owned" });
  expect(stage.calls).toEqual([]);
  gate.resolve();
  await started;
  await stage.started(1);
});

test("while that can not be told, it is tried on; the lane stays", async () => {
  const world = await World.open();
  const stage = new Stage();
  let failures = 0;
  const log = resultsThrough(world, async (ask) => {
    if (failures++ < 3) throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away");
    return ask(RESULTS);
  });
  await world.send("k", "first");
  await world.start({ log, defaultHandler: stage.handler });
  await stage.started(1);
  expect(failures).toBe(4);
  expect(world.control().lane(0)).toMatchObject({ kind: "owned" });
  expect(world.logged("could not be taken")).toEqual([]);
});

test("lanes that are taken together ask for the end of the results once", async () => {
  const world = await World.open({ replicas: 8 });
  let asked = 0;
  const log = resultsThrough(world, (ask) => {
    asked++;
    return ask(RESULTS);
  });
  await world.start({ log, replicas: 1, lanes: 8, defaultHandler: () => {} });
  expect(asked).toBe(1);
});
