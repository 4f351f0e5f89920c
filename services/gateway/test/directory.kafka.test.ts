import { randomUUID } from "node:crypto";
import { createKafkaLog } from "@shardcast/log-kafka";
import { pino } from "pino";
import { expect, inject, onTestFinished, test } from "vitest";
import { createGateway } from "../src/index.ts";
import { forgedMember, writeControl } from "./support/control.ts";
import { call } from "./support/http.ts";

test("on Kafka, a gateway plans, and says who has a key and how far the lanes are", async () => {
  const topicPrefix = `gateway-${randomUUID()}.`;
  const logger = pino({ level: "silent" });
  const options = { brokers: inject("kafkaBrokers"), logger };
  const [log, theirs] = [createKafkaLog(options, {}), createKafkaLog(options, {})];
  const services = "accounts=4/2";
  const gateway = await createGateway({
    host: "127.0.0.1",
    port: 0,
    services,
    topicPrefix,
    shutdownGraceMs: 0,
    log,
    logger,
    env: {},
  });
  onTestFinished(async () => {
    await gateway.close();
    await theirs.close();
  });
  await gateway.ready;
  const get = async (path: string) => {
    const { status, body } = await call(gateway, path, { method: "GET" });
    return { status, document: JSON.parse(body.toString()) };
  };
  const member = forgedMember("1", "http://accounts-1");
  const topic = `${topicPrefix}accounts.requests`;
  const request = { topic, key: Buffer.from("k"), value: null, headers: {} };
  for (const partition of [3, 3]) await theirs.append({ partition, ...request });
  const [, token] = await writeControl(theirs, "accounts", "1", [member.up(), member.owned(3)], topicPrefix);
  await expect
    .poll(async () => (await get("/v1/accounts/shards")).document.lanes?.[3], { timeout: 30_000 })
    .toEqual({
      lane: 3,
      ordinal: 1,
      state: "owned",
      member: "1",
      url: "http://accounts-1",
      fencingToken: token,
      lag: 2,
    });
  const session = await theirs.openSession({ service: `${topicPrefix}accounts`, member: "1", topic });
  await session.commit({ progress: [{ lane: 3, offset: 1, metadata: "" }] });
  expect((await get("/v1/accounts/shards")).document.lanes[3].lag).toBe(1);
  // The initial map is the one that is planned first: nothing has to move.
  await expect
    .poll(async () => (await get("/v1/accounts/keys/1")).document.epoch, { timeout: 30_000 })
    .toBeGreaterThan(0);
});
