import type { AppendRecord, Log } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import { expect, test, vi } from "vitest";
import { fenceReplies } from "../src/index.ts";
import { World } from "./support/world.ts";

function appending(log: Log, append: (record: AppendRecord) => Promise<{ offset: number }>): Log {
  return { ...log, append };
}

test("every partition of the replies gets the mark (C4)", async () => {
  const world = await World.open();
  const tokens = { "3": 41, "7": 12 };
  await fenceReplies(world.log, world.topics, new Map([3, 7].map((lane) => [lane, lane === 3 ? 41 : 12])));
  const marks = world.marks();
  expect(marks).toHaveLength(world.topics.replies.partitions);
  for (const partition of marks) expect(partition).toEqual([tokens]);
});

test("as many partitions as the log has, whatever this version would create", async () => {
  const world = await World.open();
  const replies = { ...world.topics.replies, name: "old.replies", partitions: 3 };
  await world.log.ensureTopics([replies]);
  const append = vi.fn(world.log.append);
  await fenceReplies(appending(world.log, append), { replies }, new Map([[0, 1]]));
  expect(append.mock.calls.map(([{ topic, partition }]) => `${topic}/${partition}`)).toEqual([
    "old.replies/0",
    "old.replies/1",
    "old.replies/2",
  ]);
});

test("nothing to end, nothing to write: the log is not even asked", async () => {
  const world = await World.open();
  world.cluster.setAvailable(false);
  await fenceReplies(world.log, world.topics, new Map());
  world.cluster.setAvailable(true);
  expect(world.marks().flat()).toEqual([]);
});

test("it is done when all marks are on the log, not before", async () => {
  const world = await World.open();
  const last = Promise.withResolvers<{ offset: number }>();
  const log = appending(world.log, (record) =>
    record.partition === 5 ? last.promise : world.log.append(record),
  );
  const done = vi.fn();
  const fenced = fenceReplies(log, world.topics, new Map([[0, 1]])).then(done);
  await new Promise((resolve) => setImmediate(resolve));
  expect(world.marks().flat()).toHaveLength(world.topics.replies.partitions - 1); // none waits for another
  expect(done).not.toHaveBeenCalled();
  last.resolve({ offset: 0 });
  await fenced;
});

test("a partition that refuses for a moment is tried again; a log that is gone is not", async () => {
  const world = await World.open();
  let refusals = 1;
  const log = appending(world.log, async (record) => {
    if (record.partition === 5 && refusals-- > 0) {
      throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "no leader");
    }
    return world.log.append(record);
  });
  await fenceReplies(log, world.topics, new Map([[0, 1]]));
  expect(world.marks().flat()).toHaveLength(world.topics.replies.partitions);
  const closed = world.connect();
  const append = vi.fn(() => Promise.reject(new ShardcastError("SHARDCAST_CLOSED", "closed")));
  await expect(
    fenceReplies(appending(closed, append), world.topics, new Map([[0, 1]])),
  ).rejects.toMatchObject({
    code: "SHARDCAST_CLOSED",
  });
  expect(append).toHaveBeenCalledTimes(world.topics.replies.partitions);
});

test("without a topic for replies it fails", async () => {
  const world = await World.open();
  const replies = { ...world.topics.replies, name: "none.replies" };
  await expect(fenceReplies(world.log, { replies }, new Map([[0, 1]]))).rejects.toMatchObject({
    code: "SHARDCAST_UNKNOWN_SERVICE",
  });
});
