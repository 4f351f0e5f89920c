import { broadcastGroupOf, broadcastTopicsOf } from "@shardcast/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Done, Position } from "../../src/broadcasts/position.ts";
import { BROADCAST, position, positionAt } from "../support/broadcasts.ts";
import { quiet, SERVICE, until, World } from "../support/world.ts";

const group = broadcastGroupOf(SERVICE, "0");

async function open() {
  const world = await World.open();
  await world.log.ensureTopics(Object.values(broadcastTopicsOf(SERVICE)));
  return world;
}

function make(world: World, isReplaced: () => Promise<boolean> = async () => false) {
  const { log, logger } = world;
  const made = new Position({ log, group, member: "0", topic: BROADCAST, isReplaced, intervalMs: 1, logger });
  onTestFinished(() => made.abandon());
  const done: { now: Done | undefined } = { now: { offset: 0, metadata: "" } };
  const at = (offset: number) => {
    done.now = { offset, metadata: "" };
    made.changed();
  };
  return { position: made, done, at, follow: () => made.follow(() => done.now) };
}

test("C6: it goes on where it was committed, and commits only what has changed", async () => {
  const world = await open();
  const first = make(world);
  expect(await first.position.open()).toBeUndefined();
  first.follow();
  await positionAt(world, 0); // so that Kafka's tools show the member
  first.at(3);
  await positionAt(world, 3);
  await first.position.close();
  const save = vi.spyOn(world.cluster, "saveProgress");
  const second = make(world);
  expect(await second.position.open()).toMatchObject({ offset: 3, metadata: "" });
  second.at(3);
  second.follow();
  await quiet();
  await second.position.close();
  expect(save).not.toHaveBeenCalled();
});

test("C6 B1: one that was replaced finds out, and moves nothing any more", async () => {
  const world = await open();
  const replaced = { older: false };
  const older = make(world, async () => replaced.older);
  await older.position.open();
  older.follow();
  older.at(1);
  await positionAt(world, 1);
  replaced.older = true;
  const newer = make(world);
  await newer.position.open();
  newer.follow();
  const opened = vi.spyOn(world.log, "openSession");
  older.at(9);
  await until(() => expect(world.logged("position not committed")).not.toEqual([]));
  newer.at(2);
  await positionAt(world, 2);
  await older.position.close();
  expect(position(world)).toBe("2:");
  expect(opened).not.toHaveBeenCalled(); // it would have fenced who came after it
});

test("C6 B1: a session that was opened after the one of a newer process is not committed in", async () => {
  const world = await open();
  // Its successor speaks between its look at the topic and its session.
  const looks = [true];
  const late = make(world, async () => looks.shift() ?? true);
  await expect(late.position.open()).rejects.toMatchObject({ code: "SHARDCAST_FENCED" });
  late.follow();
  late.at(5);
  await late.position.close();
  expect(position(world)).toBeUndefined();
});

test("C6 B1: fenced by a zombie, the rightful process opens another session and goes on", async () => {
  const world = await open();
  const rightful = make(world);
  await rightful.position.open();
  rightful.follow();
  const zombie = await world.log.openSession({ service: group, member: "0", topic: BROADCAST });
  rightful.at(4);
  await positionAt(world, 4);
  expect(await zombie.commit({ progress: [{ lane: 0, offset: 9, metadata: "" }] })).toMatchObject({
    kind: "fenced",
  });
});

test("C6: while the log is away it is tried again, and a last time at the end", async () => {
  const world = await open();
  const mine = make(world);
  await mine.position.open();
  mine.follow();
  await positionAt(world, 0);
  world.cluster.setAvailable(false);
  mine.at(1);
  await until(() => expect(world.logged("position not committed")).not.toEqual([]));
  world.cluster.setAvailable(true);
  await positionAt(world, 1);
  mine.done.now = { offset: 2, metadata: "" };
  await mine.position.close();
  expect(position(world)).toBe("2:");
  mine.at(3);
  await quiet();
  expect(position(world)).toBe("2:");
});

test("C6: an idle position is committed again before Kafka forgets it", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const world = await open();
  const mine = make(world);
  await mine.position.open();
  mine.follow();
  await vi.waitFor(() => expect(position(world)).toBe("0:"));
  const save = vi.spyOn(world.cluster, "saveProgress");
  vi.advanceTimersByTime(6 * 3_600_000);
  vi.useRealTimers();
  await until(() => expect(save).toHaveBeenCalledTimes(1));
});
