import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { broadcastTopicsOf, topicsOf } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { recordingLogger, SERVICE, startBoth, startGateway } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";

const get = { method: "GET" };

describe("healthz and readyz", () => {
  it("both are 200 when the services can be called", async () => {
    const { gateway } = await startGateway();
    await gateway.ready;
    const alive = await call(gateway, "/healthz", get);
    expect([alive.status, alive.headers["content-type"]]).toEqual([200, "application/json"]);
    expect(JSON.parse(alive.body.toString())).toEqual({ status: "alive" });
    const ready = await call(gateway, "/readyz", get);
    expect([ready.status, ready.headers["content-type"]]).toEqual([200, "application/json"]);
    expect(JSON.parse(ready.body.toString())).toEqual({
      status: "ready",
      services: { accounts: { state: "ready" } },
    });
  });

  it("listens before Kafka is there, says why not, and gets ready by itself", async () => {
    const cluster = new MemoryCluster();
    cluster.setAvailable(false);
    const { gateway } = await startGateway({ cluster });
    expect((await call(gateway, "/healthz", get)).status).toBe(200);
    const notReady = await call(gateway, "/readyz", get);
    expect(problemOf(notReady)).toMatchObject({ status: 503, code: "SHARDCAST_LOG_UNAVAILABLE" });
    const refused = await call(gateway, "/v1/accounts/keys/1", { body: "x" });
    expect(problemOf(refused)).toMatchObject({ status: 503, code: "SHARDCAST_LOG_UNAVAILABLE" });
    expect(refused.headers["retry-after"]).toBe("1");
    expect(problemOf(await call(gateway, "/v1/unknown/keys/1")).status).toBe(404);
    cluster.setAvailable(true);
    await gateway.ready;
    expect((await call(gateway, "/readyz", get)).status).toBe(200);
  });

  it("creates the topics of services with lanes, and waits for those of others", async () => {
    const cluster = new MemoryCluster();
    const { logger, lines } = recordingLogger();
    const { gateway } = await startGateway({
      cluster,
      logger,
      services: "orders=5,invoices",
      topicPrefix: "t.",
    });
    await expect.poll(() => cluster.specOf("t.orders.requests")?.partitions).toBe(5);
    expect(cluster.specOf("t.invoices.requests")).toBeUndefined();
    await expect.poll(() => warnings(lines), { timeout: 5_000 }).toEqual(["SHARDCAST_UNKNOWN_SERVICE"]);
    const prefixed = { prefix: "t." };
    const missing = {
      ...topicsOf("invoices", { lanes: 2, ...prefixed }),
      ...broadcastTopicsOf("invoices", prefixed),
    };
    for (const spec of Object.values(missing)) cluster.createTopic(spec);
    await gateway.ready;
    // More than one attempt, one line.
    expect(warnings(lines)).toEqual(["SHARDCAST_UNKNOWN_SERVICE"]);
    expect(lines.filter(({ msg }) => msg === "ready").map(({ service }) => service)).toEqual([
      "orders",
      "invoices",
    ]);
  });

  it("logs the failure of many attempts once, and another reason again", async () => {
    const { logger, lines } = recordingLogger();
    const cluster = new MemoryCluster();
    let attempts = 0;
    const log = createMemoryLog({ cluster });
    const ensure = log.ensureTopics.bind(log);
    log.ensureTopics = (specs) => {
      // Those of broadcasts come once the others are there.
      if (specs.some(({ name }) => name === "accounts.acks")) return ensure(specs);
      attempts++;
      cluster.setAvailable(attempts > 2);
      // A topic of another shape, found at the third attempt.
      if (attempts === 3) cluster.createTopic({ name: "accounts.dead", partitions: 9, cleanup: "delete" });
      return ensure(attempts === 4 ? [] : specs);
    };
    for (const spec of Object.values(topicsOf(SERVICE, { lanes: 3 }))) cluster.createTopic(spec);
    const { gateway } = await startGateway({ log, logger });
    await gateway.ready;
    expect(attempts).toBe(4);
    expect(warnings(lines)).toEqual(["SHARDCAST_LOG_UNAVAILABLE", "SHARDCAST_TOPIC_MISMATCH"]);
  });

  it("503 with Retry-After while the log is away, and back again", async () => {
    const { gateway, cluster, worker } = await startBoth(() => ({}));
    expect((await call(gateway, "/v1/accounts/keys/1")).status).toBe(200);
    cluster.setAvailable(false);
    const refused = await call(gateway, "/v1/accounts/keys/1");
    expect(problemOf(refused)).toMatchObject({
      status: 503,
      code: "SHARDCAST_LOG_UNAVAILABLE",
      retryable: true,
    });
    expect(refused.headers["retry-after"]).toBe("1");
    expect(problemOf(await call(gateway, "/readyz", get)).status).toBe(503);
    expect((await call(gateway, "/healthz", get)).status).toBe(200);
    expect(gateway.pending).toBe(0);
    cluster.setAvailable(true);
    expect((await call(gateway, "/readyz", get)).status).toBe(200);
    expect((await call(gateway, "/v1/accounts/keys/1")).status).toBe(200);
    expect(worker.requests.length).toBe(2);
  });

  it("is not ready before everything that was recorded is known (C5)", async () => {
    const cluster = new MemoryCluster();
    for (const spec of Object.values(topicsOf(SERVICE, { lanes: 3 }))) cluster.createTopic(spec);
    const log = createMemoryLog({ cluster });
    const openReader = log.openReader.bind(log);
    let read = () => {};
    const held = new Promise<void>((resolve) => {
      read = resolve;
    });
    let asked = () => {};
    const waiting = new Promise<void>((resolve) => {
      asked = resolve;
    });
    log.openReader = async (options) => {
      const reader = await openReader(options);
      if (!options.topics.includes("accounts.results")) return reader;
      const reached = reader.reached.bind(reader);
      // One lane is enough to hold it up.
      reader.reached = async (topic, lane, offset) => {
        asked();
        if (lane === 2) await held;
        await reached(topic, lane, offset);
      };
      return reader;
    };
    const { gateway } = await startGateway({ log });
    await waiting;
    // Everything else is done when these are answered.
    for (let turn = 0; turn < 3; turn++) await call(gateway, "/healthz", get);
    expect(problemOf(await call(gateway, "/readyz", get)).services).toEqual({
      accounts: expect.objectContaining({ state: "starting" }),
    });
    expect(problemOf(await call(gateway, "/v1/accounts/keys/1")).status).toBe(503);
    read();
    await gateway.ready;
    expect((await call(gateway, "/readyz", get)).status).toBe(200);
  });

  it("503 when the log fails though it said it was there", async () => {
    const cluster = new MemoryCluster();
    const log = createMemoryLog({ cluster });
    Object.defineProperty(log, "available", { value: true });
    const { gateway } = await startGateway({ log });
    await gateway.ready;
    cluster.setAvailable(false);
    const refused = await call(gateway, "/v1/accounts/keys/1");
    expect(problemOf(refused)).toMatchObject({ status: 503, code: "SHARDCAST_LOG_UNAVAILABLE" });
    expect(refused.headers["retry-after"]).toBe("1");
    expect(gateway.pending).toBe(0);
  });

  it("an unexpected fault is 500, keeps its secrets, and is logged", async () => {
    const { logger, lines } = recordingLogger();
    const log = createMemoryLog();
    const { gateway } = await startGateway({ log, logger });
    await gateway.ready;
    log.append = () => Promise.reject(new Error("password=hunter2"));
    const answer = await call(gateway, "/v1/accounts/keys/1");
    expect(problemOf(answer)).toMatchObject({ status: 500, code: "SHARDCAST_INTERNAL" });
    expect(answer.body.toString()).not.toContain("hunter2");
    expect(
      lines.filter(({ level, err }) => level === 50 && JSON.stringify(err).includes("hunter2")).length,
    ).toBe(1);
  });
});

function warnings(lines: readonly Readonly<Record<string, unknown>>[]): unknown[] {
  return lines.filter(({ level }) => level === 40).map(({ err }) => (err as { code?: string }).code);
}
