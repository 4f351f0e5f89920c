import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import type { ControlRecord } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import type { Gateway, GatewayOptions } from "../src/index.ts";
import { forgedMember, writeControl } from "./support/control.ts";
import { LANES, SERVICE, startGateway } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";
import { startApi } from "./support/kubernetes-api.ts";
import { type Event, parseEvents, type Stream, stream, unchunked } from "./support/sse.ts";

const KEY = "42";
const LANE = murmur2Lane(KEY, LANES);
const OTHER = (LANE + 1) % LANES;
const OWNER = `/v1/accounts/keys/${KEY}`;
const SHARDS = "/v1/accounts/shards";
const seven = forgedMember("7", "http://accounts-7:9000");
const one = forgedMember("1", "http://accounts-1:9000");
const patient = { timeout: 10_000 };

async function start(options: Partial<GatewayOptions> = {}) {
  const started = await startGateway(options);
  await started.gateway.ready;
  const write = (member: string, ...records: ControlRecord[]) =>
    writeControl(started.log, SERVICE, member, records);
  return { ...started, write };
}

const seenIn = ({ seen }: Stream) => parseEvents(unchunked(seen.text));

/** Resolves to the last event once so many have come, and no more. */
async function eventAt(open: Stream, count: number): Promise<Event> {
  await expect.poll(() => seenIn(open).length, patient).toBe(count);
  return seenIn(open).at(-1) as Event;
}

async function json(gateway: Gateway, path: string): Promise<unknown> {
  return JSON.parse((await call(gateway, path, { method: "GET" })).body.toString());
}

describe("GET /v1/{service}/keys/{key}/events", () => {
  it("tells what GET tells, now and after each change of owner and map, and of nothing else", async () => {
    const { gateway, write } = await start();
    const open = await stream(gateway, `${OWNER}/events`);
    const first = await eventAt(open, 1);
    expect(first).toMatchObject({ event: "owner", id: Number.NaN, data: { state: "free" } });
    expect(first.data).toEqual(await json(gateway, OWNER));
    expect(open.seen.text).toMatch(/content-type: text\/event-stream\r\n/i);
    expect(open.seen.text).toMatch(/cache-control: no-store\r\n/i);

    await write("7", seven.owned(LANE));
    const second = await eventAt(open, 2);
    expect(second.data).toMatchObject({ state: "owned", member: "7" });
    expect(second.data).toEqual(await json(gateway, OWNER));

    // Another lane, a member, and a heartbeat.
    await write("1", one.up(), one.owned(OTHER));
    await write("1", { kind: "beat", member: "1", incarnation: "1-life" });
    await write("7", seven.released(LANE));
    expect((await eventAt(open, 3)).data).toMatchObject({ state: "released" });

    await write("@planner", { kind: "map", epoch: 1, replicas: 2, lanes: [1, 1, 1] });
    expect((await eventAt(open, 4)).data).toMatchObject({ epoch: 1, replicas: 2, ordinal: 1 });
  });

  // The Kubernetes client is loaded: seconds on a busy machine.
  it("tells each change of the owner's pod, and of no other one", { timeout: 30_000 }, async () => {
    const api = await startApi();
    api.scale(2);
    const settings = { services: "accounts=3/2", statefulSets: "accounts" };
    const { gateway, write } = await start({ ...settings, env: api.env });
    await write("1", one.owned(LANE));
    const open = await stream(gateway, `${OWNER}/events`);
    await expect.poll(() => api.watches.size, patient).toBe(3);
    api.pod({ ordinal: 1, ready: false });
    const isTold = (count: number, ready: boolean, uid = "uid-1") =>
      expect
        .poll(() => seenIn(open).at(-1)?.data, patient)
        .toMatchObject({ pod: "accounts-1", podUid: uid, ready, dnsName: expect.any(String) })
        .then(() => expect(seenIn(open).length).toBeLessThanOrEqual(count));
    // Without the pod, with it, and with the name that another answer brings.
    await isTold(3, false);
    const before = seenIn(open).length;
    api.pod({ ordinal: 0 });
    api.pod({ ordinal: 1, ready: true });
    await isTold(before + 1, true);
    api.pod({ ordinal: 1, uid: "uid-next", ip: "10.0.0.9" });
    await expect.poll(() => seenIn(open).at(-1)?.data, patient).toMatchObject({ address: "10.0.0.9" });
  });

  it.each([
    ["/v1/unknown/keys/1/events", 404, "SHARDCAST_UNKNOWN_SERVICE"],
    ["/v1/accounts/keys//events", 400, "SHARDCAST_INVALID_KEY"],
  ])("refuses %s by an answer, not by a stream", async (path, status, code) => {
    const { gateway } = await start();
    expect(problemOf(await call(gateway, path, { method: "GET" }))).toMatchObject({ status, code });
  });
});

describe("GET /v1/{service}/shards/events", () => {
  it("tells what GET tells, now and after each change of any lane, member and map", async () => {
    const { gateway, write } = await start();
    const open = await stream(gateway, `${SHARDS}/events`);
    const first = await eventAt(open, 1);
    expect(first).toMatchObject({ event: "shards", id: Number.NaN });
    expect(first.data).toEqual(await json(gateway, SHARDS));
    await write("7", seven.up());
    expect((await eventAt(open, 2)).data).toMatchObject({ members: [{ member: "7", state: "up" }] });
    await write("7", seven.owned(OTHER));
    const third = await eventAt(open, 3);
    expect(third.data.lanes).toContainEqual(
      expect.objectContaining({ lane: OTHER, state: "owned", member: "7", lag: 0 }),
    );
    await write("@planner", { kind: "map", epoch: 1, replicas: 2, lanes: [1, 0, 1] });
    expect((await eventAt(open, 4)).data).toMatchObject({ epoch: 1, replicas: 2 });
  });

  it("does not tell of the lag alone, nor ask the log for it at heartbeats", async () => {
    const { gateway, log, write } = await start();
    let asked = 0;
    const progressOf = log.progressOf.bind(log);
    log.progressOf = (...about) => {
      asked++;
      return progressOf(...about);
    };
    const open = await stream(gateway, `${SHARDS}/events`);
    await eventAt(open, 1);
    await write("7", seven.up());
    await eventAt(open, 2);
    const before = asked;
    const record = { key: Buffer.from("k"), value: null, headers: {} };
    await log.append({ topic: "accounts.requests", partition: OTHER, ...record });
    for (let beat = 0; beat < 5; beat++) {
      await write("7", { kind: "beat", member: "7", incarnation: "7-life" });
      // So that one could not be told together with the next.
      for (let turn = 0; turn < 20; turn++) await setImmediate();
    }
    // It is up already.
    await write("7", seven.up());
    await expect.poll(() => asked).toBe(before + 1);
    await write("7", seven.owned(LANE));
    const { lanes } = (await eventAt(open, 3)).data;
    expect(lanes).toContainEqual(expect.objectContaining({ lane: OTHER, lag: 1 }));
    expect(asked).toBe(before + 2);
  });
});

describe.each([`${OWNER}/events`, `${SHARDS}/events`])("GET %s", (path) => {
  it("says that it lives while nothing changes", async () => {
    const { gateway } = await start({ eventHeartbeatMs: 1 });
    const open = await stream(gateway, path);
    await eventAt(open, 1);
    await expect.poll(() => unchunked(open.seen.text)).toContain("\n\n:\n\n:\n\n");
    expect(seenIn(open)).toHaveLength(1);
  });

  it("is a request in flight while it lasts (C7), and lets go of everything when its reader goes", async () => {
    const { gateway } = await start({ maxInFlight: 1 });
    const open = await stream(gateway, path);
    await eventAt(open, 1);
    const asked = () => call(gateway, SHARDS, { method: "GET" });
    expect(problemOf(await asked())).toMatchObject({ status: 503, code: "SHARDCAST_OVERLOADED" });
    open.socket.destroy();
    await once(open.socket, "close");
    await expect.poll(async () => (await asked()).status).toBe(200);
  });

  it("ends when the gateway closes, without waiting for its grace time", async () => {
    const { gateway } = await start({ shutdownGraceMs: 60_000 });
    const open = await stream(gateway, path);
    await eventAt(open, 1);
    await gateway.close();
    expect(parseEvents(unchunked(await open.text()))).toHaveLength(1);
  });
});
