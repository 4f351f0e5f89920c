import { describe, expect, it } from "vitest";
import { startBoth } from "../support/gateway.ts";
import { call, problemOf } from "../support/http.ts";

const EVENT = {
  "ce-specversion": "1.0",
  "ce-id": "e-1",
  "ce-source": "/bank/1",
  "ce-type": "com.example.deposit",
};
const PATH = "/v1/accounts/keys/42";
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

const start = (options: Parameters<typeof startBoth>[1] = {}) =>
  startBoth(() => ({ status: 200, contentType: "application/json", body: Buffer.from('{"ok":1}') }), options);

describe("a CloudEvent in binary mode", () => {
  it("goes to the handler of its type, with its attributes as headers and its data byte by byte", async () => {
    const { gateway, worker } = await start();
    const headers = {
      ...EVENT,
      "content-type": "image/png",
      "ce-subject": "a%20%E2%82%AC",
      "ce-traceid": "7",
    };
    const answer = await call(gateway, PATH, { headers, body: everyByte });
    expect(answer.status).toBe(200);
    expect(worker.requests[0]).toMatchObject({
      handler: "com.example.deposit",
      contentType: "image/png",
      headers: { ...EVENT, "ce-subject": "a €", "ce-traceid": "7" },
      body: everyByte,
    });
  });

  it("reads values that are quoted", async () => {
    const { gateway, worker } = await start();
    await call(gateway, PATH, { headers: { ...EVENT, "ce-subject": '"a \\"b\\" 100%"' } });
    expect(worker.requests[0]?.headers["ce-subject"]).toBe('a "b" 100%');
  });

  it("goes to the handler of the path, where that names one", async () => {
    const { gateway, worker } = await start();
    await call(gateway, `${PATH}/audit`, { headers: EVENT });
    expect(worker.requests[0]?.handler).toBe("audit");
  });

  it("delivered again, is the request it was, also to another gateway (C5)", async () => {
    const { gateway, worker, cluster } = await start();
    const first = await call(gateway, PATH, { headers: EVENT, body: "1" });
    const again = await call(gateway, PATH, {
      headers: { ...EVENT, "ce-time": "2026-01-01T00:00:00Z" },
      body: "1",
    });
    expect(again.headers["shardcast-request-id"]).toBe(first.headers["shardcast-request-id"]);
    expect(first.headers["shardcast-kept-for"]).toBeDefined();
    expect(worker.requests[0]?.recording).toBe("outcome");
    const { gateway: other } = await startBoth(() => undefined, { cluster });
    const there = await call(other, PATH, { headers: EVENT, body: "1" });
    expect(there.headers["shardcast-request-id"]).toBe(first.headers["shardcast-request-id"]);
  });

  it.each([
    ["its id", { "ce-id": "e-2" }],
    ["its source", { "ce-source": "/bank/2" }],
    // Together, the two would be the same text.
    ["what of both is which", { "ce-id": "1e-1", "ce-source": "/bank/" }],
  ])("is another one by %s", async (_, change) => {
    const { gateway } = await start();
    const first = await call(gateway, PATH, { headers: EVENT });
    const second = await call(gateway, PATH, { headers: { ...EVENT, ...change } });
    expect(second.headers["shardcast-request-id"]).not.toBe(first.headers["shardcast-request-id"]);
  });

  it("with an Idempotency-Key is told from others by that (C5)", async () => {
    const { gateway } = await start();
    const once = { "idempotency-key": '"once"' };
    const idOf = async (headers: Record<string, string>) =>
      (await call(gateway, PATH, { headers })).headers["shardcast-request-id"];
    const first = await idOf({ ...EVENT, ...once });
    expect(await idOf({ ...EVENT, ...once, "ce-id": "e-2" })).toBe(first);
    expect(await idOf(EVENT)).not.toBe(first);
  });

  it.each([
    ["ce-id", { "ce-id": "" }],
    ["ce-source", { "ce-source": undefined }],
    ["ce-type", { "ce-type": undefined }],
    ["ce-specversion", { "ce-specversion": undefined }],
    ["ce-specversion", { "ce-specversion": "0.3" }],
    ["ce-my-attribute", { "ce-my-attribute": "a" }],
    ["ce-subject", { "ce-subject": "%FF" }],
    ["ce-subject", { "ce-subject": "a%0Ab" }],
    ["handler", { "ce-type": "x".repeat(300) }],
  ])("is refused, naming %s, with %j", async (named, change) => {
    const { gateway, worker } = await start();
    const merged = Object.entries({ ...EVENT, ...change }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    const problem = problemOf(await call(gateway, PATH, { headers: Object.fromEntries(merged) }));
    expect(problem).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
    expect(problem.detail).toContain(named);
    expect(worker.requests).toEqual([]);
  });

  it("is none without the attributes that every event has", async () => {
    const { gateway, worker } = await start();
    await call(gateway, PATH, { headers: { "ce-nsus": "1850" } });
    expect(worker.requests[0]).toMatchObject({ handler: "", headers: {} });
    expect(worker.requests[0]?.recording).toBeUndefined();
  });
});

describe("the partitionkey of a CloudEvent", () => {
  const REQUESTS = "/v1/accounts/requests";
  const event = { ...EVENT, "ce-partitionkey": "42" };
  const token = (sub: string) => {
    const claims = Buffer.from(JSON.stringify({ sub })).toString("base64url");
    return { authorization: `Bearer e30.${claims}.c2ln` };
  };

  it("is the shard key where the service has no key source, and where its source has none", async () => {
    const { gateway, worker } = await start();
    await call(gateway, REQUESTS, { headers: event });
    const { gateway: other, worker: another } = await start({ keySources: "accounts=header:x-id" });
    await call(other, REQUESTS, { headers: event });
    for (const { requests } of [worker, another]) {
      expect(requests[0]?.key.toString()).toBe("42");
      expect(requests[0]).toMatchObject({ handler: EVENT["ce-type"], headers: event });
    }
  });

  it("is nothing but an attribute where the path has the key", async () => {
    const { gateway, worker } = await start();
    await call(gateway, "/v1/accounts/keys/7", { headers: event });
    expect(worker.requests[0]?.key.toString()).toBe("7");
  });

  it.each([
    ["header:x-id", { "x-id": "43" }],
    ["jwt:sub", token("43")],
    ["jwt:sub", {}],
  ])("does not stand in for what %s says, %j", async (source, headers) => {
    const { gateway, worker } = await start({ keySources: `accounts=${source}` });
    const problem = problemOf(await call(gateway, REQUESTS, { headers: { ...event, ...headers } }));
    expect(problem.code).toBe("SHARDCAST_INVALID_KEY");
    expect(worker.requests).toEqual([]);
  });

  it("may say the same as the key source", async () => {
    const { gateway, worker } = await start({ keySources: "accounts=jwt:sub" });
    await call(gateway, REQUESTS, { headers: { ...event, ...token("42") } });
    expect(worker.requests[0]?.key.toString()).toBe("42");
  });
});
