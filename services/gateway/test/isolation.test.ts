import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { ShardcastError, type TopicSpec, topicsOf } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import type { Gateway } from "../src/index.ts";
import { recordingLogger, startGateway } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";
import { startWorker } from "./support/worker.ts";

const get = { method: "GET" };

/** A log whose topics of `orders` are prepared by a function; those of other services as ever. */
function logWith(cluster: MemoryCluster, prepareOrders: (specs: readonly TopicSpec[]) => Promise<void>): Log {
  const log = createMemoryLog({ cluster });
  const ensure = log.ensureTopics.bind(log);
  log.ensureTopics = (specs) =>
    specs.some(({ name }) => name.startsWith("orders.")) ? prepareOrders(specs) : ensure(specs);
  return log;
}

/** The gateway of `accounts`, served by a worker, and of `orders`, which is in trouble. */
async function start(prepareOrders: (specs: readonly TopicSpec[]) => Promise<void>) {
  const cluster = new MemoryCluster();
  const { logger, lines } = recordingLogger();
  const log = logWith(cluster, prepareOrders);
  const services = { orders: { lanes: 4 }, accounts: { lanes: 3 } };
  const { gateway } = await startGateway({ log, logger, services });
  await expect
    .poll(async () => (await call(gateway, "/v1/accounts/keys/0", { headers: NOT_WAITED_FOR })).status)
    .toBe(504);
  await startWorker(cluster, "accounts", 3, () => ({ body: Buffer.from("served") }));
  return { gateway, cluster, lines };
}

/** Ready or not, without a worker: 504 or 503. */
const NOT_WAITED_FOR = { "request-timeout": "0.001" };

async function readyz(gateway: Gateway) {
  const { status, body } = await call(gateway, "/readyz", get);
  return { status, document: JSON.parse(body.toString()) };
}

async function expectAccountsServed(gateway: Gateway): Promise<void> {
  const served = await call(gateway, "/v1/accounts/keys/1");
  expect([served.status, served.body.toString()]).toEqual([200, "served"]);
}

describe("a service that can not be called does not keep the others from being served", () => {
  it("a preparation that never ends", async () => {
    const { gateway } = await start(() => new Promise(() => {}));
    await expectAccountsServed(gateway);
    const refused = await call(gateway, "/v1/orders/keys/1");
    expect(problemOf(refused)).toMatchObject({
      status: 503,
      code: "SHARDCAST_LOG_UNAVAILABLE",
      detail: "orders is not ready yet",
    });
    expect(refused.headers["retry-after"]).toBe("1");
    // It may yet get ready by itself.
    expect(await readyz(gateway)).toMatchObject({
      status: 503,
      document: {
        code: "SHARDCAST_LOG_UNAVAILABLE",
        services: { accounts: { state: "ready" }, orders: { state: "starting" } },
      },
    });
  });

  it.each(["SHARDCAST_LOG_UNAVAILABLE", "SHARDCAST_FENCED"] as const)(
    "%s: its callers are told that the log is away, and it gets ready by itself",
    async (code) => {
      let failing = true;
      const { gateway, cluster, lines } = await start(async (specs) => {
        if (failing) throw new ShardcastError(code, "broker 2 is away");
        for (const spec of specs) cluster.createTopic(spec);
      });
      await expectAccountsServed(gateway);
      const refused = await call(gateway, "/v1/orders/keys/1");
      const problem = problemOf(refused);
      expect(problem).toMatchObject({ status: 503, code: "SHARDCAST_LOG_UNAVAILABLE", retryable: true });
      expect(problem.detail).toBe("orders is not ready yet: broker 2 is away");
      expect(refused.headers["retry-after"]).toBe("1");
      expect((await readyz(gateway)).status).toBe(503);
      failing = false;
      await gateway.ready;
      expect(await readyz(gateway)).toEqual({
        status: 200,
        document: { status: "ready", services: { accounts: { state: "ready" }, orders: { state: "ready" } } },
      });
      await startWorker(cluster, "orders", 4, () => ({}));
      expect((await call(gateway, "/v1/orders/keys/1")).status).toBe(200);
      expect(lines.filter(({ level }) => level === 40).map(({ service }) => service)).toEqual(["orders"]);
    },
  );

  it.each(["SHARDCAST_TOPIC_MISMATCH", "SHARDCAST_LOG_REFUSED"] as const)(
    "%s: shown as such, and the gateway stays in rotation",
    async (code) => {
      let trouble: ShardcastError | undefined = new ShardcastError(code, "orders.dead is odd");
      const { gateway, cluster } = await start(async (specs) => {
        if (trouble !== undefined) throw trouble;
        for (const spec of specs) cluster.createTopic(spec);
      });
      await expectAccountsServed(gateway);
      const refused = await call(gateway, "/v1/orders/keys/1");
      const detail = "orders is not ready yet: orders.dead is odd";
      expect(problemOf(refused)).toMatchObject({ status: 503, code, retryable: false, detail });
      expect(refused.headers["retry-after"]).toBe("5");
      const inRotation = {
        status: 200,
        document: {
          status: "ready",
          services: { accounts: { state: "ready" }, orders: { state: "failed", code, detail } },
        },
      };
      expect(await readyz(gateway)).toEqual(inRotation);
      // Nor does it leave it when the next attempt fails in passing.
      trouble = new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "broker 2 is away");
      await expect
        .poll(async () => problemOf(await call(gateway, "/v1/orders/keys/1")).code)
        .toBe("SHARDCAST_LOG_UNAVAILABLE");
      expect((await readyz(gateway)).status).toBe(200);
      trouble = undefined;
      await gateway.ready;
      expect((await readyz(gateway)).document.services.orders).toEqual({ state: "ready" });
    },
  );

  it("a service without topics", async () => {
    const cluster = new MemoryCluster();
    for (const spec of Object.values(topicsOf("accounts", { lanes: 3 }))) cluster.createTopic(spec);
    const { gateway } = await startGateway({ cluster, services: "invoices,accounts" });
    await expect.poll(async () => (await readyz(gateway)).status).toBe(200);
    expect((await readyz(gateway)).document.services).toMatchObject({
      accounts: { state: "ready" },
      invoices: { state: "failed" },
    });
    const refused = await call(gateway, "/v1/invoices/keys/1");
    expect(problemOf(refused)).toMatchObject({ status: 503, code: "SHARDCAST_LOG_UNAVAILABLE" });
    expect(problemOf(refused).detail).toContain("no topic invoices.requests");
    expect(refused.headers["retry-after"]).toBe("1");
  });
});

it("a gateway that can call no service at all is not ready", async () => {
  const cluster = new MemoryCluster();
  cluster.createTopic({ name: "accounts.dead", partitions: 9, cleanup: "delete" });
  const { gateway } = await startGateway({ cluster });
  await expect.poll(async () => (await readyz(gateway)).document.code).toBe("SHARDCAST_TOPIC_MISMATCH");
  const { status, document } = await readyz(gateway);
  expect([status, document.status]).toEqual([503, 503]);
  expect(document.services.accounts).toMatchObject({ state: "failed", code: "SHARDCAST_TOPIC_MISMATCH" });
});

it("every service is away with the log, and back with it", async () => {
  const { gateway, cluster } = await start(async (specs) => {
    for (const spec of specs) cluster.createTopic(spec);
  });
  await gateway.ready;
  cluster.setAvailable(false);
  for (const service of ["accounts", "orders"]) {
    const refused = await call(gateway, `/v1/${service}/keys/1`);
    expect(problemOf(refused)).toMatchObject({ status: 503, code: "SHARDCAST_LOG_UNAVAILABLE" });
  }
  expect((await readyz(gateway)).status).toBe(503);
  cluster.setAvailable(true);
  expect((await readyz(gateway)).status).toBe(200);
  await expectAccountsServed(gateway);
});
