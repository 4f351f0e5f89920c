import { laneOf } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { forgedMember, writeControl } from "./support/control.ts";
import { connectTo, LANES, SERVICE, startService } from "./support/service.ts";

const zero = forgedMember("0");

async function watching(signal?: AbortSignal) {
  const service = await startService();
  const client = await connectTo(service);
  const watch = client.watch(SERVICE, signal === undefined ? {} : { signal });
  const states = watch[Symbol.asyncIterator]();
  const write = (...records: Parameters<typeof writeControl>[3]) =>
    writeControl(service.log, SERVICE, "0", records);
  return { service, client, states, write, directory: await client.directory(SERVICE) };
}

async function next<T>(states: AsyncIterator<T>): Promise<T> {
  const { done, value } = await states.next();
  if (done) throw new Error("the watch has ended");
  return value;
}

describe("watch", () => {
  it("yields what is now, and again after every change of a lane, a member and the map", async () => {
    const { states, write } = await watching();
    expect(await next(states)).toMatchObject({ epoch: 0, lanes: [{ state: "free" }, {}, {}], members: [] });
    await write(zero.up());
    expect(await next(states)).toMatchObject({ members: [{ member: "0", state: "up" }] });
    await write(zero.owned(0));
    expect(await next(states)).toMatchObject({ lanes: [{ state: "owned", member: "0" }, {}, {}] });
    await write({ kind: "map", epoch: 1, replicas: 2, lanes: [1, 0, 1] });
    expect(await next(states)).toMatchObject({ epoch: 1, replicas: 2, lanes: [{ ordinal: 1 }, {}, {}] });
  });

  it("gives the newest to who reads slowly, once", async () => {
    const { states, write, directory } = await watching();
    await next(states);
    for (let lane = 0; lane < LANES; lane++) {
      await write(zero.owned(lane));
      await directory.sync();
    }
    const { lanes } = await next(states);
    expect(lanes.map(({ state }) => state)).toEqual(["owned", "owned", "owned"]);
    const following = next(states);
    await write(zero.released(2));
    expect((await following).lanes[2]).toMatchObject({ state: "released" });
  });

  it("does not count heartbeats", async () => {
    const { states, write, directory } = await watching();
    await next(states);
    let told = false;
    const following = next(states).then((shards) => {
      told = true;
      return shards;
    });
    await write(zero.beat(), { kind: "planner", state: "beat", holder: "g" });
    await directory.sync();
    await new Promise(setImmediate);
    expect(told).toBe(false);
    await write(zero.up());
    expect(await following).toMatchObject({ members: [{ member: "0" }] });
  });

  it("ends when the signal fires, also while it waits", async () => {
    const controller = new AbortController();
    const { states, client } = await watching(controller.signal);
    await next(states);
    const waiting = states.next();
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const late = client.watch(SERVICE, { signal: controller.signal });
    expect(await late[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  it("ends when the client closes", async () => {
    const { states, client } = await watching();
    await next(states);
    const waiting = states.next();
    await client.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const late = client.watch(SERVICE)[Symbol.asyncIterator]();
    await expect(late.next()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  });

  it("leaves nothing behind when its reader goes away", async () => {
    const { client, directory } = await watching();
    let listening = 0;
    const watch = directory.watch.bind(directory);
    directory.watch = (listener) => {
      listening++;
      const stop = watch(listener);
      return () => {
        listening--;
        stop();
      };
    };
    for await (const shards of client.watch(SERVICE)) {
      expect([shards.lanes.length, listening]).toEqual([LANES, 1]);
      break;
    }
    expect(listening).toBe(0);
  });

  it("has another name", async () => {
    const { client } = await watching();
    const states = client.watchShards(SERVICE)[Symbol.asyncIterator]();
    expect(await next(states)).toEqual(await client.shards(SERVICE));
  });

  it("tells of a service that is not there", async () => {
    const { client } = await watching();
    const states = client.watch("orders")[Symbol.asyncIterator]();
    await expect(states.next()).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_SERVICE" });
  });
});

describe("watchOwner", () => {
  const LANE = laneOf("carol", LANES);

  it("yields who has the key now, and again after every change of that, but of no other lane", async () => {
    const { client, write, directory } = await watching();
    const owners = client.watchOwner(SERVICE, "carol")[Symbol.asyncIterator]();
    expect(await next(owners)).toEqual(await client.owner(SERVICE, "carol"));
    let told = false;
    const second = next(owners).finally(() => {
      told = true;
    });
    await write(zero.up(), zero.owned((LANE + 1) % LANES));
    await directory.sync();
    await new Promise(setImmediate);
    expect(told).toBe(false);
    await write(zero.owned(LANE));
    expect(await second).toMatchObject({ lane: LANE, state: "owned", member: "0" });
    await write({ kind: "map", epoch: 1, replicas: 2, lanes: Array(LANES).fill(1) });
    expect(await next(owners)).toMatchObject({ epoch: 1, ordinal: 1, member: "0" });
  });

  it("ends when the client closes, and refuses a key that is none", async () => {
    const { client } = await watching();
    const owners = client.watchOwner(SERVICE, "carol")[Symbol.asyncIterator]();
    await next(owners);
    const waiting = owners.next();
    const none = client.watchOwner(SERVICE, "")[Symbol.asyncIterator]().next();
    await expect(none).rejects.toMatchObject({ code: "SHARDCAST_INVALID_KEY" });
    await client.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });
});
