import type { AppendRecord, Log } from "@shardcast/log";
import { createMemoryLog } from "@shardcast/log/memory";
import { ShardcastError } from "@shardcast/protocol";
import { expect, test, vi } from "vitest";
import { Stage } from "./support/stage.ts";
import { DEAD, quiet, REPLIES, until, World } from "./support/world.ts";

const replyTo = { partition: 0, instance: "someone" };

/** A connection whose appends the test may refuse. */
function refusing(world: World, refuse: (record: AppendRecord) => Error | undefined): Log {
  const log = createMemoryLog({ cluster: world.cluster });
  return {
    ...log,
    get available() {
      return log.available;
    },
    append: async (record) => {
      const error = refuse(record);
      if (error !== undefined) throw error;
      return log.append(record);
    },
  };
}

test("C3: a reply that the log can not take now is appended when it is back; only then is the request done and does its key go on", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ defaultHandler: stage.handler });
  await world.send("k", "first", { replyTo });
  await world.send("k", "second", { replyTo });
  const first = await stage.started(1);
  world.cluster.setAvailable(false);
  first.end("answer");
  await quiet();
  expect(stage.calls).toHaveLength(1);
  world.cluster.setAvailable(true);
  (await stage.started(2)).end("answer");
  await world.committedAt(2);
  expect(stage.bodies).toEqual(["first", "second"]);
  expect(world.replies()).toHaveLength(2);
});

test("C3: progress names a request only when its reply is on the log", async () => {
  const world = await World.open();
  const unavailable = new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away");
  let away = true;
  const refused = vi.fn();
  const log = refusing(world, ({ topic }) => {
    if (!away || topic !== REPLIES) return undefined;
    refused();
    return unavailable;
  });
  const handler = vi.fn(() => "answer");
  await world.start({ log, defaultHandler: handler });
  await world.send("waits", "", { replyTo });
  await world.send("other", "");
  await until(() => expect(refused.mock.calls.length).toBeGreaterThan(1));
  expect(world.committed()).toMatch(/^0:b/); // commits go through, the other key's request is named
  away = false;
  await world.committedAt(2);
  expect(handler).toHaveBeenCalledTimes(2);
  expect(world.replies()).toHaveLength(1);
});

test("C3: a dead letter that the log refuses is tried until that is mended, which is logged; its key waits", async () => {
  const world = await World.open();
  let refused = 0;
  let mended = false;
  const log = refusing(world, ({ topic }) => {
    if (mended || topic !== DEAD) return undefined;
    refused++;
    return new ShardcastError("SHARDCAST_LOG_REFUSED", "no authorisation");
  });
  const handler = vi.fn();
  await world.append({ key: Buffer.from("k"), headers: { "sc-version": "??" } });
  await world.send("k", "next");
  await world.start({ log, defaultHandler: handler });
  await until(() => expect(refused).toBeGreaterThan(1));
  expect(handler).not.toHaveBeenCalled();
  expect(world.logged("refused by the log; trying")).toHaveLength(1);
  mended = true;
  await world.committedAt(2);
  expect(handler).toHaveBeenCalledTimes(1);
  expect(world.records(DEAD)).toHaveLength(1);
});

test("C1: when a request's outcome can not be written at all its key is parked, not skipped; other keys go on", async () => {
  const world = await World.open();
  const log = refusing(world, ({ topic }) =>
    topic === DEAD ? new Error("a fault of the driver") : undefined,
  );
  const handled: string[] = [];
  await world.start({ log, defaultHandler: (request) => void handled.push(request.text()) });
  await world.append({ key: Buffer.from("k"), headers: { "sc-version": "??" } });
  await world.send("k", "k2");
  await world.send("other", "other1");
  await until(() => expect(handled).toContain("other1"));
  await world.send("k", "k4"); // also what comes when nothing of the key is queued any more
  await world.send("other", "other2");
  await until(() => expect(handled).toContain("other2"));
  expect(handled).toEqual(["other1", "other2"]);
  expect(world.logged("request not finished; key parked")).toMatchObject([{ offset: 0 }]);
  await until(() => expect(world.committed()).toMatch(/^0:b/));
});

test("a commit during an outage is made up for, and the outage ends nothing", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({ defaultHandler: stage.handler });
  await world.send("k", "");
  const call = await stage.started(1);
  world.cluster.setAvailable(false);
  call.end();
  await until(() => expect(world.logged("session is over; joining again")).toHaveLength(1));
  expect([undefined, "0:"]).toContain(world.committed());
  world.cluster.setAvailable(true);
  await world.committedAt(1);
  expect(worker.lanes()).toMatchObject([{ lane: 0, state: "owned" }]);
});

test("a log closed under the worker ends neither the process nor the possibility to stop", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker, log } = await world.start({ defaultHandler: stage.handler });
  await world.send("k", "first", { replyTo });
  await world.send("k", "second");
  const call = await stage.started(1);
  await log.close();
  call.end("answer");
  await until(() => expect(world.logged("request not finished")).toHaveLength(1));
  expect(stage.bodies).toEqual(["first"]); // not answered, so the key does not go on (C1)
  await worker.stop();
  expect(await worker.ended).toEqual({ reason: "stopped" });
});
