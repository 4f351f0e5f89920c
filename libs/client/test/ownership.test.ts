import { createMemoryLog } from "@shardcast/log/memory";
import { topicsOf } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { forgedMember, writeControl } from "./support/control.ts";
import { connectTo, LANES, SERVICE, startService } from "./support/service.ts";

const KEY = "42";
const LANE = murmur2Lane(KEY, LANES);
const zero = forgedMember("0", "http://accounts-0");
const two = forgedMember("2");

describe("owner", () => {
  it("names the lane and who should have it, before anybody has it or has planned", async () => {
    const service = await startService();
    const client = await connectTo(service);
    expect(await client.owner(SERVICE, KEY)).toEqual({
      service: SERVICE,
      lane: LANE,
      ordinal: LANE,
      epoch: 0,
      replicas: LANES,
      state: "free",
    });
    const fewer = await connectTo(service, { services: { [SERVICE]: { replicas: 1 } } });
    expect(await fewer.owner(SERVICE, KEY)).toMatchObject({ ordinal: 0, replicas: 1 });
  });

  it("follows the shard map once somebody has planned", async () => {
    const service = await startService();
    const lanes = [1, 1, 1];
    await writeControl(service.log, SERVICE, "@planner", [{ kind: "map", epoch: 4, replicas: 2, lanes }]);
    const client = await connectTo(service);
    expect(await client.owner(SERVICE, KEY)).toMatchObject({
      ordinal: 1,
      epoch: 4,
      replicas: 2,
      state: "free",
    });
  });

  it("names the owner, where it listens and its fencing token, and nobody once the lane is released", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const directory = await client.directory(SERVICE);
    const [, owned = -1] = await writeControl(service.log, SERVICE, "0", [zero.up(), zero.owned(LANE)]);
    await directory.sync();
    expect(await client.owner(SERVICE, KEY)).toMatchObject({
      lane: LANE,
      state: "owned",
      member: "0",
      url: "http://accounts-0",
      fencingToken: owned,
    });
    await writeControl(service.log, SERVICE, "0", [zero.released(LANE)]);
    await directory.sync();
    const { state, member, url, fencingToken } = await client.owner(SERVICE, KEY);
    expect([state, member, url, fencingToken]).toEqual(["released", undefined, undefined, undefined]);
  });

  it("is found by the strategy of the service", async () => {
    const service = await startService();
    const client = await connectTo(service, { services: { [SERVICE]: { strategy: "modulo" } } });
    expect(await client.owner(SERVICE, "4")).toMatchObject({ lane: 1 });
    await expect(client.owner(SERVICE, "four")).rejects.toMatchObject({ code: "SHARDCAST_INVALID_KEY" });
  });

  it("finds the topics under their prefix", async () => {
    const service = await startService();
    const prefix = "prod.";
    const specs = Object.values(topicsOf(SERVICE, { lanes: 1, prefix }));
    await service.log.ensureTopics(specs);
    await writeControl(service.log, SERVICE, "0", [zero.owned(0)], prefix);
    const client = await connectTo(service, { topicPrefix: prefix });
    expect(await client.owner(SERVICE, KEY)).toMatchObject({ lane: 0, member: "0" });
  });

  it.each([
    ["Not A Name", KEY, "SHARDCAST_INVALID_REQUEST"],
    ["orders", KEY, "SHARDCAST_UNKNOWN_SERVICE"],
    [SERVICE, "", "SHARDCAST_INVALID_KEY"],
    [SERVICE, "k".repeat(4097), "SHARDCAST_INVALID_KEY"],
  ])("refuses a wrong call (%#)", async (name, key, code) => {
    const client = await connectTo(await startService());
    await expect(client.owner(name, key)).rejects.toMatchObject({ code });
  });

  it("refuses to guess with a map that does not fit the lanes", async () => {
    const service = await startService();
    await writeControl(service.log, SERVICE, "@planner", [
      { kind: "map", epoch: 1, replicas: 1, lanes: [0] },
    ]);
    const client = await connectTo(service);
    await expect(client.owner(SERVICE, KEY)).rejects.toMatchObject({ code: "SHARDCAST_TOPIC_MISMATCH" });
  });

  it.each([-1, 1.5])("refuses %s replicas", async (replicas) => {
    const client = await connectTo(await startService(), {
      services: { [SERVICE]: { replicas } },
      prepareServices: false,
    });
    await expect(client.owner(SERVICE, KEY)).rejects.toMatchObject({ code: "SHARDCAST_INVALID_CONFIG" });
  });
});

describe("shards", () => {
  it("lists every lane and every member", async () => {
    const service = await startService();
    const ten = forgedMember("10");
    const [, , token] = await writeControl(service.log, SERVICE, "0", [
      ten.up(),
      zero.up(),
      zero.owned(0),
      two.up(),
      two.left(),
    ]);
    const client = await connectTo(service);
    expect(await client.shards(SERVICE)).toEqual({
      service: SERVICE,
      epoch: 0,
      replicas: LANES,
      lanes: [
        {
          lane: 0,
          ordinal: 0,
          state: "owned",
          member: "0",
          url: "http://accounts-0",
          fencingToken: token,
        },
        { lane: 1, ordinal: 1, state: "free" },
        { lane: 2, ordinal: 2, state: "free" },
      ],
      members: [
        { member: "0", state: "up", url: "http://accounts-0" },
        { member: "2", state: "left" },
        { member: "10", state: "up" },
      ],
    });
  });
});

describe("a service without durable members", () => {
  it("has nobody who owns a lane, until somebody has planned", async () => {
    const service = await startService();
    const client = await connectTo(service, { services: { [SERVICE]: { replicas: 0 } } });
    const nobody = { service: SERVICE, epoch: 0, replicas: 0, lanes: [], members: [] };
    expect(await client.shards(SERVICE)).toEqual(nobody);
    await expect(client.owner(SERVICE, KEY)).rejects.toMatchObject({ code: "SHARDCAST_INVALID_REQUEST" });
    await writeControl(service.log, SERVICE, "@planner", [
      { kind: "map", epoch: 1, replicas: 1, lanes: [0, 0, 0] },
    ]);
    await (await client.directory(SERVICE)).sync();
    expect(await client.owner(SERVICE, KEY)).toMatchObject({ epoch: 1, replicas: 1, ordinal: 0 });
  });
});

describe("the directory", () => {
  it("is one a service, opens no reply listener, and is closed with the client", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    const read: string[] = [];
    let open = 0;
    const openReader = log.openReader.bind(log);
    log.openReader = async (options) => {
      read.push(...options.topics);
      const reader = await openReader(options);
      open++;
      const close = reader.close.bind(reader);
      reader.close = () => {
        open--;
        return close();
      };
      return reader;
    };
    const client = await connectTo(service, { log });
    const [first, second] = await Promise.all([client.directory(SERVICE), client.directory(SERVICE)]);
    expect(first).toBe(second);
    await client.owner(SERVICE, KEY);
    await client.shards(SERVICE);
    expect(read).toEqual([`${SERVICE}.control`]);
    expect(open).toBe(1);
    await client.close();
    expect(open).toBe(0);
    await expect(client.directory(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await expect(client.owner(SERVICE, KEY)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await expect(client.shards(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  });

  it("is opened again after that has failed", async () => {
    const service = await startService();
    const client = await connectTo(service);
    service.cluster.setAvailable(false);
    await expect(client.directory(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
    service.cluster.setAvailable(true);
    await expect(client.directory(SERVICE)).resolves.toHaveProperty("state");
    await expect(client.directory("orders")).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_SERVICE" });
  });
});
