import { randomUUID } from "node:crypto";
import { createKafkaLog } from "@shardcast/log-kafka";
import { createWorker } from "@shardcast/worker";
import { pino } from "pino";
import { expect, inject, onTestFinished, test } from "vitest";
import { createGateway, type Gateway } from "../src/index.ts";
import { call } from "./support/http.ts";

const SERVICE = "accounts";
const LANES = 3;
const ASYNC = { prefer: "respond-async" };
const get = { method: "GET" };

/** Two gateways on Kafka, and a worker whose handler `gated` waits until it is told to go on, or stopped. */
async function start() {
  const topicPrefix = `requests-${randomUUID()}.`;
  const logger = pino({ level: "silent" });
  const options = { brokers: inject("kafkaBrokers"), logger };
  const common = { services: { [SERVICE]: { lanes: LANES, replicas: 1 } }, topicPrefix, logger, env: {} };
  const gateways: Gateway[] = [];
  for (const planner of [true, false]) {
    const gateway = await createGateway({
      ...common,
      log: createKafkaLog(options, {}),
      host: "127.0.0.1",
      port: 0,
      shutdownGraceMs: 0,
      planner,
    });
    onTestFinished(() => gateway.close());
    gateways.push(gateway);
  }
  await Promise.all(gateways.map(({ ready }) => ready));
  const log = createKafkaLog(options, {});
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const runs: string[] = [];
  const worker = createWorker({
    log,
    service: SERVICE,
    lanes: LANES,
    replicas: 1,
    member: `${SERVICE}-0`,
    topicPrefix,
    logger,
    handlers: {
      echo: (request) => {
        runs.push(request.id);
        return { said: request.body.toString() };
      },
      gated: async (request, { signal }) => {
        runs.push(request.id);
        await new Promise<void>((resolve, reject) => {
          void gate.then(resolve);
          signal.addEventListener("abort", () => reject(new Error("stopped")));
        });
        return { said: request.body.toString() };
      },
    },
  });
  onTestFinished(async () => {
    open();
    await worker.stop();
    await log.close();
  });
  await worker.start();
  return { gateways: gateways as [Gateway, Gateway], runs, open };
}

test("C3 C5: on Kafka, a request that one gateway took is found, followed, repeated and cancelled at another", async () => {
  const { gateways, runs, open } = await start();
  const [here, there] = gateways;
  const post = (handler: string, key: string, headers: Record<string, string>) =>
    call(here, `/v1/${SERVICE}/keys/${key}/${handler}`, { headers, body: key });
  const ask = (location: unknown, query = "") => call(there, `${location}${query}`, get);

  // Asynchronous, asked for elsewhere.
  const accepted = await post("echo", "a", ASYNC);
  expect(accepted.status).toBe(202);
  const found = await ask(accepted.headers.location, "?wait=30");
  expect([found.status, JSON.parse(found.body.toString())]).toEqual([200, { said: "a" }]);
  expect(found.headers["shardcast-request-state"]).toBe("replied");

  // Followed and waited for elsewhere, while it runs.
  const gated = await post("gated", "b", { prefer: "wait=0.2" });
  expect(gated.status).toBe(202);
  const longPoll = ask(gated.headers.location, "?wait=30");
  const events = ask(gated.headers.location, "/events");
  await expect
    .poll(async () => (await ask(gated.headers.location)).headers["shardcast-request-state"], {
      timeout: 20_000,
    })
    .toBe("running");

  // Cancelled elsewhere, while it runs.
  const doomed = await post("gated", "c", ASYNC);
  await expect.poll(() => runs, { timeout: 20_000 }).toContain(doomed.headers["shardcast-request-id"]);
  const cancelled = await call(there, String(doomed.headers.location), { method: "DELETE" });
  expect(cancelled.status).toBe(202);
  const end = await ask(doomed.headers.location, "?wait=30");
  expect([end.status, end.headers["shardcast-request-state"]]).toEqual([410, "cancelled"]);

  open();
  expect(JSON.parse((await longPoll).body.toString())).toEqual({ said: "b" });
  const names = [...(await events).body.toString().matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
  expect([names[0], names.at(-1)]).toEqual(["accepted", "done"]);

  // Sent twice, to both, and run once.
  const once = { "idempotency-key": '"once"' };
  const path = `/v1/${SERVICE}/keys/d/echo`;
  const answers = await Promise.all(gateways.map((to) => call(to, path, { headers: once, body: "d" })));
  const repeated = await call(there, path, { headers: once, body: "d" });
  for (const answer of [...answers, repeated])
    expect(JSON.parse(answer.body.toString())).toEqual({ said: "d" });
  const id = repeated.headers["shardcast-request-id"];
  expect(runs.filter((each) => each === id)).toHaveLength(1);
  expect((await call(here, path, { headers: once, body: "other" })).status).toBe(422);

  // Not recorded, so not known once it is done.
  const plain = await post("echo", "e", {});
  await expect
    .poll(
      async () => (await ask(`/v1/${SERVICE}/requests/${plain.headers["shardcast-request-id"]}`)).status,
      {
        timeout: 20_000,
      },
    )
    .toBe(404);
});
