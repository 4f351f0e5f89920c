import { expect, test, vi } from "vitest";
import { type ControlChange, openDirectory } from "../src/index.ts";
import { map, owned, released } from "./support/records.ts";
import { SERVICE, settle, World } from "./support/world.ts";

test("a directory is up to date when it opens, however much there is", async () => {
  const world = await World.open();
  for (let epoch = 1; epoch <= 250; epoch++) await world.append(map(epoch, [epoch]));
  const { state } = await world.directory();
  expect(state.map).toEqual({ epoch: 250, replicas: 3, lanes: [250] });
});

test("it follows the topic, and tells each change after it is folded, until nobody wants to know", async () => {
  const world = await World.open();
  const directory = await world.directory();
  const seen: [ControlChange, string][] = [];
  const unwatch = directory.watch((change, state) => seen.push([change, state.lane(4).kind]));
  await world.append(owned(4, "1"), released(4, "2"), released(4, "1"));
  await directory.sync();
  const lane: ControlChange = { kind: "lane", lane: 4 };
  expect(seen).toEqual([
    [lane, "owned"],
    [lane, "released"],
  ]);
  unwatch();
  await world.append(owned(4, "1"));
  await directory.sync();
  expect(seen).toHaveLength(2);
  expect(directory.state.lane(4).kind).toBe("owned");
});

test("a listener may stop watching, or watch anew, while it is told", async () => {
  const world = await World.open();
  const directory = await world.directory();
  const late = vi.fn();
  const unwatch = directory.watch(() => {
    unwatch();
    directory.watch(late);
  });
  const other = vi.fn();
  directory.watch(other);
  await world.append(map(1, [0]), map(2, [0]));
  await directory.sync();
  expect(other).toHaveBeenCalledTimes(2);
  expect(late).toHaveBeenCalledTimes(1);
});

test("sync and reached resolve when what was asked for is folded, and not before", async () => {
  const world = await World.open();
  const directory = await world.directory();
  await world.append(map(1, [0]));
  const done = vi.fn();
  world.cluster.setAvailable(false);
  const reached = directory.reached(1).then(done);
  await settle();
  expect(done).not.toHaveBeenCalled();
  expect(directory.state.map).toBeUndefined();
  world.cluster.setAvailable(true);
  await reached;
  expect(directory.state.map?.epoch).toBe(1);
  await world.append(map(2, [0]));
  await directory.sync();
  expect(directory.state.map?.epoch).toBe(2);
});

test("an outage costs it nothing but time", async () => {
  const world = await World.open();
  const directory = await world.directory();
  await world.append(map(1, [0]));
  world.cluster.setAvailable(false);
  await expect(directory.sync()).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
  await settle();
  expect(directory.state.map).toBeUndefined();
  world.cluster.setAvailable(true);
  await directory.sync();
  expect(directory.state.map?.epoch).toBe(1);
  await world.append(map(2, [0]));
  await directory.sync();
  expect(directory.state.map?.epoch).toBe(2);
});

test("what is no control record is passed over and logged", async () => {
  const world = await World.open();
  const topic = world.topics.control.name;
  await world.log.append({ topic, partition: 0, key: null, value: Buffer.from("hello"), headers: {} });
  await world.append(map(1, [0]));
  const { state } = await world.directory();
  expect(state.map?.epoch).toBe(1);
  expect(world.logged.filter(({ msg }) => msg === "not a control record; passed over")).toMatchObject([
    { topic, offset: 0 },
  ]);
});

test("of a service without a control topic there is none", async () => {
  const world = await World.open();
  await expect(openDirectory(world.log, { service: SERVICE })).rejects.toMatchObject({
    code: "SHARDCAST_UNKNOWN_SERVICE",
  });
});

test("one that can not catch up is not left open", async () => {
  const world = await World.open();
  const log = world.connect();
  const closed = vi.fn();
  const away = new Error("away");
  const failing = {
    ...log,
    rangesOf: () => Promise.reject(away),
    openReader: async (options: Parameters<typeof log.openReader>[0]) => {
      const reader = await log.openReader(options);
      return { ...reader, close: () => reader.close().then(closed) };
    },
  };
  await expect(world.directory(failing)).rejects.toBe(away);
  expect(closed).toHaveBeenCalledTimes(1);
});

test("a closed one tells nothing more, and who waits is told so", async () => {
  const world = await World.open();
  const directory = await world.directory();
  const listener = vi.fn();
  directory.watch(listener);
  const waiting = directory.reached(100);
  await directory.close();
  await expect(waiting).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  await world.append(map(1, [0]));
  await settle();
  expect(listener).not.toHaveBeenCalled();
  expect(directory.state.map).toBeUndefined();
});
