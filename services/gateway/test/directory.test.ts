import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { topicsOf } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import type { Gateway, GatewayOptions } from "../src/index.ts";
import { forgedMember, writeControl } from "./support/control.ts";
import { LANES, SERVICE, startGateway } from "./support/gateway.ts";
import { type Answer, call, problemOf } from "./support/http.ts";

const KEY = "42";
const LANE = murmur2Lane(KEY, LANES);
const member = forgedMember("7", "http://accounts-7:9000");

const NO_LAG = { lanes: [{ lag: null }, { lag: null }, { lag: null }] };

function get(gateway: Gateway, path: string): Promise<Answer> {
  return call(gateway, path, { method: "GET" });
}

async function json(answer: Promise<Answer>): Promise<unknown> {
  const { status, headers, body } = await answer;
  expect([status, headers["content-type"], headers["cache-control"]]).toEqual([
    200,
    "application/json",
    "no-store",
  ]);
  return JSON.parse(body.toString());
}

/** A gateway that is ready, with the log it shares. */
async function start(options: Partial<GatewayOptions> & { cluster?: MemoryCluster } = {}) {
  const started = await startGateway(options);
  await started.gateway.ready;
  return started;
}

/** Commits how far lanes are done, as their owner. */
async function done(log: Log, offsets: readonly number[]): Promise<void> {
  const session = await log.openSession({ service: SERVICE, member: "7", topic: `${SERVICE}.requests` });
  await session.commit({ progress: offsets.map((offset, lane) => ({ lane, offset, metadata: "" })) });
  await session.close();
}

describe("GET /v1/{service}/keys/{key}", () => {
  it("says who has the key's lane, and where", async () => {
    const { gateway, log } = await start({ services: "accounts=3/2" });
    const [token] = await writeControl(log, SERVICE, "7", [member.owned(LANE)]);
    expect(await json(get(gateway, `/v1/accounts/keys/${KEY}`))).toEqual({
      service: SERVICE,
      key: KEY,
      lane: LANE,
      ordinal: LANE % 2,
      epoch: 0,
      replicas: 2,
      state: "owned",
      member: "7",
      url: "http://accounts-7:9000",
      fencingToken: token,
    });
  });

  it("says so when nobody has it", async () => {
    const { gateway } = await start();
    expect(await json(get(gateway, "/v1/accounts/keys/a%2Fb"))).toEqual({
      service: SERVICE,
      key: "a/b",
      lane: murmur2Lane("a/b", LANES),
      ordinal: murmur2Lane("a/b", LANES),
      epoch: 0,
      replicas: LANES,
      state: "free",
    });
  });

  it("puts nothing on the log", async () => {
    const { gateway, cluster } = await start();
    await json(get(gateway, `/v1/accounts/keys/${KEY}`));
    expect(cluster.partition("accounts.requests", LANE)?.end).toBe(0);
    expect(gateway.pending).toBe(0);
  });

  it.each([
    ["/v1/accounts/keys/", 400, "SHARDCAST_INVALID_KEY"],
    ["/v1/accounts/keys/%ff", 400, "SHARDCAST_INVALID_REQUEST"],
    ["/v1/unknown/keys/1", 404, "SHARDCAST_UNKNOWN_SERVICE"],
    ["/v1/accounts/keys/1/handler", 404, "SHARDCAST_NOT_FOUND"],
  ])("refuses %s", async (path, status, code) => {
    const { gateway } = await start();
    expect(problemOf(await get(gateway, path))).toMatchObject({ status, code });
  });

  it("refuses a key that the strategy does not take", async () => {
    const { gateway } = await start({ services: "accounts=3:modulo" });
    expect(await json(get(gateway, "/v1/accounts/keys/4"))).toMatchObject({ lane: 1 });
    expect(problemOf(await get(gateway, "/v1/accounts/keys/four")).code).toBe("SHARDCAST_INVALID_KEY");
  });
});

describe("GET /v1/{service}/shards", () => {
  it("lists the lanes with their owners and what is not done yet, and the members", async () => {
    const { gateway, log } = await start();
    const records = [member.up(), member.owned(0), member.owned(1), member.released(1)];
    const [, token] = await writeControl(log, SERVICE, "7", records);
    for (const partition of [0, 0, 0, 1, 1, 2]) {
      const record = { key: Buffer.from("k"), value: null, headers: {} };
      await log.append({ topic: "accounts.requests", partition, ...record });
    }
    await done(log, [2, 2]);
    expect(await json(get(gateway, "/v1/accounts/shards"))).toEqual({
      service: SERVICE,
      epoch: 0,
      replicas: LANES,
      lanes: [
        {
          lane: 0,
          ordinal: 0,
          state: "owned",
          member: "7",
          url: "http://accounts-7:9000",
          fencingToken: token,
          lag: 1,
        },
        { lane: 1, ordinal: 1, state: "released", lag: 0 },
        { lane: 2, ordinal: 2, state: "free", lag: 1 },
      ],
      members: [{ member: "7", state: "up", url: "http://accounts-7:9000" }],
    });
  });

  it("finds the lag of a service with a topic prefix", async () => {
    const { gateway, log } = await start({ topicPrefix: "prod." });
    const topic = "prod.accounts.requests";
    await log.append({ topic, partition: 0, key: Buffer.from("k"), value: null, headers: {} });
    const session = await log.openSession({ service: "prod.accounts", member: "0", topic });
    await session.commit({ progress: [{ lane: 0, offset: 1, metadata: "" }] });
    const { lanes } = (await json(get(gateway, "/v1/accounts/shards"))) as { lanes: { lag: number }[] };
    expect(lanes.map(({ lag }) => lag)).toEqual([0, 0, 0]);
  });

  it("has no lag when the log does not answer, and asks it once for all callers", async () => {
    const { gateway, log } = await start();
    await json(get(gateway, "/v1/accounts/shards"));
    let asked = 0;
    log.progressOf = () => {
      asked++;
      return new Promise(() => {});
    };
    const answers = [1, 2, 3].map(() => json(get(gateway, "/v1/accounts/shards")));
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject(NO_LAG);
    expect(asked).toBe(1);
  });

  it("has no lag when the log fails, and has it again later", async () => {
    const { gateway, log } = await start();
    const { progressOf } = log;
    log.progressOf = () => Promise.reject(new Error("odd"));
    expect(await json(get(gateway, "/v1/accounts/shards"))).toMatchObject(NO_LAG);
    log.progressOf = progressOf;
    expect(await json(get(gateway, "/v1/accounts/shards"))).toMatchObject({ lanes: [{ lag: 0 }, {}, {}] });
  });

  it("asks for the lag anew each time", async () => {
    const { gateway, log } = await start();
    const first = json(get(gateway, "/v1/accounts/shards"));
    expect(await first).toMatchObject({ lanes: [{ lag: 0 }, {}, {}] });
    const record = { key: Buffer.from("k"), value: null, headers: {} };
    await log.append({ topic: "accounts.requests", partition: 0, ...record });
    expect(await json(get(gateway, "/v1/accounts/shards"))).toMatchObject({ lanes: [{ lag: 1 }, {}, {}] });
  });
});

describe.each(["/v1/accounts/keys/1", "/v1/accounts/shards"])("GET %s", (path) => {
  it("answers as a request would while the service can not be called", async () => {
    const cluster = new MemoryCluster();
    cluster.setAvailable(false);
    const { gateway } = await startGateway({ cluster });
    const asked = await get(gateway, path);
    const posted = await call(gateway, "/v1/accounts/keys/1");
    expect(asked.status).toBe(503);
    expect(problemOf(asked)).toEqual(problemOf(posted));
    expect(asked.headers["retry-after"]).toBe("1");
  });

  it("is refused like a request when too many are in flight", async () => {
    const { gateway } = await start({ maxInFlight: 1 });
    const abort = new AbortController();
    const waiting = call(gateway, "/v1/accounts/keys/1", { signal: abort.signal }).catch(() => {});
    await expect.poll(() => gateway.pending).toBe(1);
    expect(problemOf(await get(gateway, path))).toMatchObject({ status: 503, code: "SHARDCAST_OVERLOADED" });
    abort.abort();
    await waiting;
  });

  it("is 503 while the service has no control topic", async () => {
    const cluster = new MemoryCluster();
    const { control, ...rest } = topicsOf(SERVICE, { lanes: 2 });
    for (const spec of Object.values(rest)) cluster.createTopic(spec);
    const { gateway } = await start({ log: createMemoryLog({ cluster }), services: SERVICE });
    const answer = await get(gateway, path);
    expect(problemOf(answer)).toMatchObject({ status: 503, code: "SHARDCAST_LOG_UNAVAILABLE" });
    expect(problemOf(answer).detail).toContain(control.name);
    cluster.createTopic(control);
    expect((await get(gateway, path)).status).toBe(200);
  });
});
