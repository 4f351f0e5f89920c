import { once } from "node:events";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { newBroadcastId, ShardcastError, topicsOf } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { broadcast, get, PATH, startMembers, stateOf, statusOf } from "./support/broadcasts.ts";
import { recordingLogger, SERVICE, startGateway } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";
import { stream } from "./support/sse.ts";
import { startWorker } from "./support/worker.ts";

const WAIT = { prefer: "wait=30" };
const waiting = (member: string) => ({ member, kind: "durable", state: "waiting" });

describe("POST /v1/{service}/broadcasts", () => {
  it("C6: is 202 once it is on the log, and says whom it expects and where to ask", async () => {
    const { gateway, came } = await startMembers({ forwardHeaders: ["x-tenant"] });
    const answer = await call(gateway, `${PATH}?ack=2&ttl=90&handler=reload`, {
      headers: {
        ...{ "content-type": "text/csv", "x-tenant": "t", "x-other": "o" },
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      },
      body: "a,b",
    });
    expect(answer.status).toBe(202);
    const status = statusOf(answer);
    const { id, acceptedMs } = status;
    expect(answer.headers.location).toBe(`${PATH}/${id}`);
    expect(answer.headers["shardcast-broadcast-id"]).toBe(id);
    expect(answer.headers["idempotency-replayed"]).toBeUndefined();
    expect(status).toEqual({
      ...{ id, service: SERVICE, handler: "reload", ack: 2, acceptedMs, expiresMs: acceptedMs + 90_000 },
      ...{ epoch: 0, verdict: "open", partial: true, members: ["0", "1", "2"].map(waiting) },
    });
    expect(came()).toMatchObject([
      {
        ...{ id, handler: "reload", contentType: "text/csv", headers: { "x-tenant": "t" } },
        ...{ ack: { kind: "count", count: 2 }, body: Buffer.from("a,b"), targeted: false },
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      },
    ]);
  });

  it("takes nothing but a body: all members, the default handler, one hour", async () => {
    const { gateway, came } = await startMembers();
    const { ack, handler, acceptedMs, expiresMs } = statusOf(await call(gateway, PATH));
    expect([ack, handler, expiresMs - acceptedMs]).toEqual(["all", "", 3_600_000]);
    expect(came()).toMatchObject([{ body: Buffer.alloc(0), headers: {} }]);
  });

  it("Prefer: wait is 200 with what each member has replied, once there is a verdict", async () => {
    const { gateway, ack, came } = await startMembers();
    const answering = call(gateway, PATH, { headers: WAIT, body: "hi" });
    await expect.poll(() => came().length).toBe(1);
    const { id = "" } = came()[0] ?? {};
    await ack(id, "0");
    await ack(id, "2", Buffer.of(0xff));
    await ack(id, "1", "");
    const answer = await answering;
    expect([answer.status, answer.headers["preference-applied"]]).toEqual([200, "wait=30"]);
    expect(answer.headers.location).toBe(`${PATH}/${id}`);
    const status = statusOf(answer);
    expect(status).toMatchObject({ verdict: "satisfied", reason: "all-answered", partial: false });
    const reply = { status: 200, contentType: "text/plain", headers: { "x-a": "1" } };
    const acked = { kind: "durable", state: "acked", attempt: 1, atMs: 1_700_000_000_000 };
    expect(status.members).toEqual([
      { member: "0", ...acked, reply: { ...reply, body: "done by 0" } },
      { member: "1", ...acked, reply: { ...reply, body: "" } },
      { member: "2", ...acked, reply: { ...reply, bodyBase64: "/w==" } },
    ]);
  });

  it("Prefer: wait is 202 with what is known when the time is over", async () => {
    const { gateway } = await startMembers();
    const answer = await call(gateway, PATH, { headers: { prefer: "wait=0.01" } });
    expect(answer.status).toBe(202);
    expect(statusOf(answer)).toMatchObject({ verdict: "open", reason: "deadline", partial: true });
  });

  it("Prefer: wait is cut to the longest wait that is configured", async () => {
    const { gateway } = await startMembers({ maxTimeoutMs: 10 });
    const answer = await call(gateway, PATH, { headers: { prefer: "wait=3600" } });
    expect(statusOf(answer)).toMatchObject({ verdict: "open", reason: "deadline" });
  });

  it("Prefer: wait is 200 also when the verdict is that it failed, or that nobody is awaited", async () => {
    const { gateway, fail, came } = await startMembers();
    const failing = call(gateway, PATH, { headers: WAIT });
    await expect.poll(() => came().length).toBe(1);
    for (const member of ["0", "1", "2"]) await fail(came()[0]?.id ?? "", member);
    const failed = await failing;
    expect([failed.status, statusOf(failed).verdict]).toEqual([200, "failed"]);
    const unawaited = await call(gateway, `${PATH}?ack=none`, { headers: WAIT });
    expect([unawaited.status, statusOf(unawaited).reason]).toEqual([200, "not-awaited"]);
  });

  it("Prefer: respond-async is what it does anyway, and is said to be applied", async () => {
    const { gateway } = await startMembers();
    const answer = await call(gateway, PATH, { headers: { prefer: "respond-async" } });
    expect([answer.status, answer.headers["preference-applied"]]).toEqual([202, "respond-async"]);
  });

  it("C6: goes on when its caller has gone, who holds nothing any more (C7)", async () => {
    const { gateway, ack, came } = await startMembers({ maxInFlight: 1 });
    const { socket } = await stream(gateway, PATH, { method: "POST", headers: WAIT });
    await expect.poll(() => came().length).toBe(1);
    const { id = "" } = came()[0] ?? {};
    expect((await call(gateway, `${PATH}/${id}`, get)).status).toBe(503);
    socket.destroy();
    await once(socket, "close");
    await expect.poll(async () => (await call(gateway, `${PATH}/${id}`, get)).status).toBe(200);
    for (const member of ["0", "1", "2"]) await ack(id, member);
    await expect.poll(() => stateOf(gateway, id)).toEqual(["acked", "acked", "acked"]);
  });

  it("who waits is told what is known when the gateway closes, without using up the grace time", async () => {
    const { gateway, ack, came } = await startMembers({ shutdownGraceMs: 60_000 });
    const answering = call(gateway, PATH, { headers: WAIT });
    await expect.poll(() => came().length).toBe(1);
    const { id = "" } = came()[0] ?? {};
    await ack(id, "1");
    await expect.poll(() => stateOf(gateway, id)).toContain("acked");
    await gateway.close();
    const answer = await answering;
    expect(answer.status).toBe(202);
    expect(statusOf(answer)).toMatchObject({ id, verdict: "open", members: [{}, { state: "acked" }, {}] });
    expect(statusOf(answer).reason).toBeUndefined();
  });

  it("C5: with the same Idempotency-Key is the same broadcast, at any gateway, and says so", async () => {
    const { gateway, cluster, came } = await startMembers();
    const headers = { "idempotency-key": '"job-1"' };
    const id = await broadcast(gateway, "?handler=a", { headers });
    const again = await call(gateway, `${PATH}?handler=a`, { headers, body: "hi" });
    expect([again.status, again.headers["idempotency-replayed"]]).toEqual([202, "true"]);
    expect(statusOf(again).id).toBe(id);
    const { gateway: other } = await startMembers({ cluster });
    const elsewhere = await call(other, `${PATH}?handler=a`, { headers, body: "hi" });
    expect([elsewhere.headers["idempotency-replayed"], statusOf(elsewhere)]).toEqual([
      "true",
      statusOf(again),
    ]);
    const mismatch = await call(gateway, `${PATH}?handler=a`, { headers, body: "other" });
    expect(problemOf(mismatch)).toMatchObject({ status: 422, code: "SHARDCAST_IDEMPOTENCY_MISMATCH" });
    expect(came().length).toBe(1);
  });

  it("takes a CloudEvent: its type is the handler, source and id are the idempotency key", async () => {
    const { gateway, came } = await startMembers();
    const ce = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "org.reload" };
    await broadcast(gateway, "", { headers: ce });
    expect(came()).toMatchObject([{ handler: "org.reload", headers: { "ce-source": "/s" } }]);
    const again = await call(gateway, PATH, { headers: ce, body: "hi" });
    expect(again.headers["idempotency-replayed"]).toBe("true");
    await broadcast(gateway, "?handler=named", { headers: { ...ce, "ce-id": "2" } });
    expect(came()[1]?.handler).toBe("named");
    await broadcast(gateway, "?handler=named", { headers: { "shardcast-handler": "header" } });
    expect(came()[2]?.handler).toBe("header");
  });

  it.each([
    ["ack", "?ack=most", {}],
    ["ack", "?ack=0", {}],
    ["ack", "?ack=10001", {}],
    ["ack", "?ack=4", {}],
    ["ack", "?ack=1&ack=2", {}],
    ["ttl", "?ttl=0", {}],
    ["ttl", "?ttl=1h", {}],
    ["ttl", "?ttl=86401", {}],
    ["handler", "?handler=a%0Ab", {}],
    ["akc", "?akc=all", {}],
    ["Prefer: wait", "", { prefer: "wait=soon" }],
    ["Idempotency-Key", "", { "idempotency-key": '""' }],
    ["Request-Timeout", "", { "request-timeout": "5" }],
    ["Delay", "", { delay: "5" }],
    ["Delay-Until", "", { "delay-until": "2030-01-31T12:00:00Z" }],
    ["Callback-URL", "", { "callback-url": "https://example.com" }],
    ["Shardcast-On-Disconnect", "", { "shardcast-on-disconnect": "cancel" }],
    ["ce-type", "", { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s" }],
  ])("refuses what is wrong with %s: %s %j", async (name, query, headers) => {
    const { gateway, came } = await startMembers();
    const problem = problemOf(await call(gateway, `${PATH}${query}`, { headers, body: "hi" }));
    expect(problem).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
    expect(problem.detail).toMatch(new RegExp(`^${name}:`));
    expect(came()).toEqual([]);
  });

  it("503 when there is nobody to expect, unless nobody is awaited", async () => {
    const { gateway } = await startMembers({ services: "accounts=3/0" });
    expect(problemOf(await call(gateway, PATH))).toMatchObject({ status: 503, code: "SHARDCAST_NO_MEMBERS" });
    expect(statusOf(await call(gateway, `${PATH}?ack=none`))).toMatchObject({
      verdict: "satisfied",
      members: [],
    });
  });

  it("404 for a service that is not served, 413 for what is too large, 503 while the log is away", async () => {
    const { gateway, cluster } = await startMembers({ bodyLimitBytes: 10 });
    expect(problemOf(await call(gateway, "/v1/other/broadcasts"))).toMatchObject({
      ...{ status: 404, code: "SHARDCAST_UNKNOWN_SERVICE" },
    });
    expect(problemOf(await call(gateway, PATH, { body: "x".repeat(11) })).status).toBe(413);
    cluster.setAvailable(false);
    expect(problemOf(await call(gateway, PATH)).code).toBe("SHARDCAST_LOG_UNAVAILABLE");
  });
});

describe("GET /v1/{service}/broadcasts/{id}", () => {
  it("C6: any gateway answers, and all say the same, also one that starts later", async () => {
    const { gateway, cluster, ack, fail, run } = await startMembers();
    const { gateway: other } = await startMembers({ cluster });
    const id = await broadcast(gateway);
    await ack(id, "0");
    await run(id, "1");
    await fail(id, "2");
    const states = ["acked", "running", "failed"];
    await expect.poll(() => stateOf(gateway, id)).toEqual(states);
    await expect.poll(() => stateOf(other, id)).toEqual(states);
    const { gateway: late } = await startMembers({ cluster });
    const [one, two, three] = await Promise.all(
      [gateway, other, late].map(async (each) => statusOf(await call(each, `${PATH}/${id}`, get))),
    );
    expect(two).toEqual(one);
    expect(three).toEqual(one);
    await ack(id, "1");
    const ended = await Promise.all(
      [gateway, other, late].map((each) => call(each, `${PATH}/${id}?wait=30`, get)),
    );
    expect(ended.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(ended.map((each) => statusOf(each).verdict)).toEqual(["partly", "partly", "partly"]);
    expect(ended[2]?.body).toEqual(ended[0]?.body);
    expect(ended[0]?.headers["cache-control"]).toBe("no-store");
  });

  it("?wait= is 200 with what is known when the time is over, or the gateway closes", async () => {
    const { gateway } = await startMembers({ shutdownGraceMs: 60_000 });
    const id = await broadcast(gateway);
    const over = await call(gateway, `${PATH}/${id}?wait=0.01`, get);
    expect([over.status, statusOf(over).verdict]).toEqual([200, "open"]);
    const { text } = await stream(gateway, `${PATH}/${id}?wait=60`, { headers: { accept: "*/*" } });
    await expect.poll(async () => (await call(gateway, PATH, get)).status).toBe(200);
    await gateway.close();
    expect(await text()).toMatch(/^HTTP\/1\.1 200 [\s\S]*"verdict":"open"/);
  });

  it("404 for an id that nobody knows, and for what is none", async () => {
    const { gateway } = await startMembers();
    for (const path of ["nonsense", newBroadcastId(), "../x"].map(
      (id) => `${PATH}/${encodeURIComponent(id)}`,
    )) {
      for (const [method, more] of [
        ["GET", ""],
        ["GET", "/events"],
        ["GET", "?wait=1"],
        ["DELETE", ""],
        ["POST", "/redrive"],
      ] as const) {
        const problem = problemOf(await call(gateway, `${path.split("?")[0]}${more}`, { method }));
        expect(problem).toMatchObject({ status: 404, code: "SHARDCAST_UNKNOWN_BROADCAST" });
      }
    }
  });

  it("refuses a wait that is none", async () => {
    const { gateway } = await startMembers();
    const id = await broadcast(gateway);
    for (const query of ["wait=soon", "wait=1&wait=2", "wiat=1"]) {
      const { detail = "" } = problemOf(await call(gateway, `${PATH}/${id}?${query}`, get));
      expect(detail).toContain(`${query.split("=")[0]}:`);
    }
  });
});

describe("DELETE /v1/{service}/broadcasts/{id}", () => {
  it("is 202 when that is on the log; who had not acted is cancelled, at every gateway", async () => {
    const { gateway, cluster, ack } = await startMembers();
    const { gateway: other } = await startMembers({ cluster });
    const id = await broadcast(gateway);
    await ack(id, "1");
    await expect.poll(() => stateOf(other, id)).toContain("acked");
    const answer = await call(other, `${PATH}/${id}`, { method: "DELETE" });
    expect([answer.status, answer.headers.location]).toEqual([202, `${PATH}/${id}`]);
    for (const each of [gateway, other]) {
      const status = statusOf(await call(each, `${PATH}/${id}?wait=30`, get));
      expect(status.members.map(({ state }) => state)).toEqual(["cancelled", "acked", "cancelled"]);
      expect([status.verdict, status.reason]).toEqual(["partly", "cancelled"]);
    }
  });

  it("409 when everything final has been said", async () => {
    const { gateway, ack } = await startMembers({ services: "accounts=3/1" });
    const id = await broadcast(gateway);
    await ack(id, "0");
    await call(gateway, `${PATH}/${id}?wait=30`, get);
    const answer = await call(gateway, `${PATH}/${id}`, { method: "DELETE" });
    expect(problemOf(answer)).toMatchObject({ status: 409, code: "SHARDCAST_ALREADY_ENDED" });
  });
});

describe("POST /v1/{service}/broadcasts/{id}/redrive", () => {
  it("C6: is a new broadcast for those alone that did not do it, with the same body", async () => {
    const { gateway, ack, fail, came } = await startMembers();
    const id = await broadcast(gateway, "?handler=reload", { headers: { "content-type": "text/csv" } });
    await ack(id, "0");
    for (const member of ["1", "2"]) await fail(id, member);
    await call(gateway, `${PATH}/${id}?wait=30`, get);
    const answer = await call(gateway, `${PATH}/${id}/redrive?ack=1&ttl=60`);
    expect(answer.status).toBe(202);
    const status = statusOf(answer);
    expect(answer.headers.location).toBe(`${PATH}/${status.id}`);
    expect(status).toMatchObject({ redriveOf: id, ack: 1, handler: "reload", verdict: "open" });
    expect(status.expiresMs - status.acceptedMs).toBe(60_000);
    expect(status.members).toEqual([waiting("1"), waiting("2")]);
    expect(came()[1]).toMatchObject({
      ...{ id: status.id, targeted: true, contentType: "text/csv", body: Buffer.from("hi") },
    });
  });

  it("waits, as the first one can", async () => {
    const { gateway, fail, ack, came } = await startMembers({ services: "accounts=3/1" });
    const id = await broadcast(gateway);
    await fail(id, "0");
    await call(gateway, `${PATH}/${id}?wait=30`, get);
    const answering = call(gateway, `${PATH}/${id}/redrive`, { headers: WAIT });
    await expect.poll(() => came().length).toBe(2);
    await ack(came()[1]?.id ?? "", "0");
    const answer = await answering;
    expect([answer.status, statusOf(answer).verdict]).toEqual([200, "satisfied"]);
  });

  it("503 when nobody is left who has not done it", async () => {
    const { gateway, ack } = await startMembers({ services: "accounts=3/1" });
    const id = await broadcast(gateway);
    await ack(id, "0");
    await call(gateway, `${PATH}/${id}?wait=30`, get);
    const answer = await call(gateway, `${PATH}/${id}/redrive`);
    expect(problemOf(answer)).toMatchObject({ status: 503, code: "SHARDCAST_NO_MEMBERS" });
  });

  it.each([
    ["handler", "?handler=x", {}],
    ["ack", "?ack=some", {}],
    ["Idempotency-Key", "", { "idempotency-key": "k" }],
    ["Request-Timeout", "", { "request-timeout": "1" }],
  ])("refuses %s", async (name, query, headers) => {
    const { gateway, came } = await startMembers();
    const id = await broadcast(gateway);
    const { detail = "" } = problemOf(await call(gateway, `${PATH}/${id}/redrive${query}`, { headers }));
    expect(detail).toMatch(new RegExp(`^${name}:`));
    expect(came().length).toBe(1);
  });
});

describe("GET /v1/{service}/broadcasts", () => {
  const page = async (answering: ReturnType<typeof call>) => {
    const { status, headers, body } = await answering;
    expect([status, headers["cache-control"]]).toEqual([200, "no-store"]);
    const { items, ...rest } = JSON.parse(body.toString());
    return { ids: items.map(({ id }: { id: string }) => id), ...rest };
  };

  it("lists them, newest first, by state and handler, page by page", async () => {
    const { gateway, ack } = await startMembers({ services: "accounts=3/1" });
    const [a, b, c, d] = [
      await broadcast(gateway, "?handler=x"),
      await broadcast(gateway),
      await broadcast(gateway, "?handler=x"),
      await broadcast(gateway, "?handler=x"),
    ];
    await ack(c, "0");
    await call(gateway, `${PATH}/${c}?wait=30`, get);
    const list = (query = "") => page(call(gateway, `${PATH}${query}`, get));
    expect((await list()).ids).toEqual([d, c, b, a]);
    expect((await list("?state=open")).ids).toEqual([d, b, a]);
    expect((await list("?state=ended")).ids).toEqual([c]);
    expect((await list("?handler=")).ids).toEqual([b]);
    const first = await list("?handler=x&limit=2");
    expect(first.ids).toEqual([d, c]);
    const second = await list(`?handler=x&limit=2&after=${encodeURIComponent(first.next)}`);
    expect([second.ids, second.next]).toEqual([[a], undefined]);
  });

  it("C6: says how many words did not count", async () => {
    const { gateway, ack } = await startMembers({ services: "accounts=3/1" });
    const id = await broadcast(gateway);
    for (const member of ["0", "0", "7"]) await ack(id, member);
    await ack(newBroadcastId(), "0");
    const dropped = async () => (await page(call(gateway, PATH, get))).dropped;
    await expect.poll(dropped).toEqual({ unknown: 1, unexpected: 1, stale: 0, late: 1 });
  });

  it.each([
    "state=all",
    "limit=0",
    "limit=501",
    "limit=x",
    "after=x",
    "handler=a%0Ab",
    "page=2",
    "limit=1&limit=2",
  ])("refuses ?%s", async (query) => {
    const { gateway } = await startMembers();
    const problem = problemOf(await call(gateway, `${PATH}?${query}`, get));
    expect(problem).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
    expect(problem.detail).toMatch(new RegExp(`^${query.split("=")[0]}:`));
  });
});

describe("a service whose topics were made by an older version", () => {
  it("is served; its broadcasts say what is missing, and work once that is there", async () => {
    const cluster = new MemoryCluster();
    for (const spec of Object.values(topicsOf(SERVICE, { lanes: 3 }))) cluster.createTopic(spec);
    const { logger, lines } = recordingLogger();
    const { gateway } = await startGateway({ cluster, logger, services: SERVICE });
    await gateway.ready;
    await startWorker(cluster, SERVICE, 3, () => ({}));
    expect((await call(gateway, "/v1/accounts/keys/1")).status).toBe(200);
    for (const [method, path] of [
      ["POST", PATH],
      ["GET", PATH],
      ["GET", `${PATH}/x`],
      ["GET", `${PATH}/x/events`],
    ] as const) {
      const refused = await call(gateway, path, { method });
      expect(problemOf(refused)).toMatchObject({ status: 503, code: "SHARDCAST_LOG_UNAVAILABLE" });
      expect(problemOf(refused).detail).toContain("has no topic accounts.broadcast");
    }
    const ready = JSON.parse((await call(gateway, "/readyz", get)).body.toString());
    expect(ready).toMatchObject({
      status: "ready",
      services: { accounts: { state: "ready", broadcasts: { state: "failed" } } },
    });
    expect(lines.filter(({ msg }) => msg === "no broadcasts yet; trying on").length).toBe(1);
    const { gateway: creating } = await startGateway({ cluster });
    await creating.ready;
    await expect.poll(async () => (await call(gateway, PATH)).status, { timeout: 10_000 }).toBe(202);
    expect(JSON.parse((await call(gateway, "/readyz", get)).body.toString()).services).toEqual({
      accounts: { state: "ready" },
    });
  });

  it("is served when the topics of broadcasts may not be created", async () => {
    const log = createMemoryLog();
    const { ensureTopics } = log;
    log.ensureTopics = async (specs) => {
      if (!specs.some(({ name }) => name === "accounts.acks")) return ensureTopics(specs);
      throw new ShardcastError("SHARDCAST_LOG_REFUSED", "not authorized to create accounts.acks");
    };
    const { gateway } = await startGateway({ log });
    await gateway.ready;
    const refused = problemOf(await call(gateway, PATH));
    expect(refused).toMatchObject({ status: 503, code: "SHARDCAST_LOG_REFUSED" });
    expect(refused.detail).toContain("not authorized to create accounts.acks");
    expect((await call(gateway, "/v1/accounts/shards", get)).status).toBe(200);
  });
});

it("C6: a service is not ready before all of its broadcasts are known", async () => {
  const cluster = new MemoryCluster();
  const { gateway: first, ack } = await startMembers({ cluster });
  const id = await broadcast(first);
  await ack(id, "0");
  const log = createMemoryLog({ cluster });
  const { openReader } = log;
  const [asked, read] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  log.openReader = async (options) => {
    const reader = await openReader(options);
    if (!options.topics.includes("accounts.acks")) return reader;
    const reached = reader.reached.bind(reader);
    reader.reached = async (topic, partition, offset) => {
      asked.resolve();
      await read.promise;
      await reached(topic, partition, offset);
    };
    return reader;
  };
  const { gateway } = await startGateway({ log });
  await asked.promise;
  for (let turn = 0; turn < 3; turn++) await call(gateway, "/healthz", get);
  expect(problemOf(await call(gateway, "/v1/accounts/keys/1")).status).toBe(503);
  expect(problemOf(await call(gateway, `${PATH}/${id}`, get)).status).toBe(503);
  read.resolve();
  await gateway.ready;
  expect(await stateOf(gateway, id)).toEqual(["acked", "waiting", "waiting"]);
});

it("topics of broadcasts are made with the retention and the prefix of the gateway", async () => {
  const services = { accounts: { lanes: 3 }, orders: {} };
  const { cluster } = await startGateway({ services, topicPrefix: "t.", broadcastRetentionMs: 60_000 });
  await expect.poll(() => cluster.specOf("t.accounts.acks")?.retentionMs).toBe(60_000);
  expect(cluster.specOf("t.accounts.broadcast")).toMatchObject({ partitions: 1, retentionMs: 60_000 });
  expect(cluster.specOf("t.orders.broadcast")).toBeUndefined();
});

it("ttl is at most the retention of broadcasts, which is the default where that is less than an hour", async () => {
  const { gateway } = await startMembers({ broadcastRetentionMs: 60_000 });
  expect(problemOf(await call(gateway, `${PATH}?ttl=61`)).detail).toContain("at most the 60 seconds");
  const { acceptedMs, expiresMs } = statusOf(await call(gateway, PATH));
  expect(expiresMs - acceptedMs).toBe(60_000);
});

it("C6: what no member can say of itself, the gateway does: that its time is over", async () => {
  const { gateway } = await startMembers();
  const answer = await call(gateway, `${PATH}?ttl=0.001`, { headers: WAIT });
  expect(answer.status).toBe(200);
  const { verdict, reason, members } = statusOf(answer);
  expect([verdict, reason]).toEqual(["failed", "expired"]);
  expect(members.map(({ state }) => state)).toEqual(["expired", "expired", "expired"]);
});

it("C7: what is being told of many replies counts as held", async () => {
  const { gateway, ack } = await startMembers({ services: "accounts=16", maxBufferedBytes: 1_000_000 });
  const id = await broadcast(gateway);
  const { socket } = await stream(gateway, `${PATH}/${id}?wait=60`, { headers: { accept: "*/*" } });
  // Not read: what does not fit into the buffers of the connection stays.
  socket.pause();
  for (let member = 0; member < 16; member++) await ack(id, String(member), "x".repeat(900_000));
  const busy = async () => (await call(gateway, PATH, { body: "x".repeat(10) })).status;
  await expect.poll(busy, { timeout: 10_000 }).toBe(503);
  socket.destroy();
  await expect.poll(busy).toBe(202);
});
