import { randomUUID } from "node:crypto";
import { createKafkaLog } from "@shardcast/log-kafka";
import { ackPartitionOf, encodeAck } from "@shardcast/protocol";
import { pino } from "pino";
import { expect, inject, onTestFinished, test } from "vitest";
import { createGateway } from "../src/index.ts";
import { get, PATH, statusOf } from "./support/broadcasts.ts";
import { call } from "./support/http.ts";
import { eventsOf } from "./support/sse.ts";

const PATIENT = { timeout: 60_000 };

test("C6: on Kafka, a broadcast outlives the gateway that took it, and another one says the same", {
  timeout: 180_000,
}, async () => {
  const topicPrefix = `broadcasts-${randomUUID()}.`;
  const logger = pino({ level: "silent" });
  const kafka = () => createKafkaLog({ brokers: inject("kafkaBrokers"), logger }, {});
  const start = async () => {
    const options = { host: "127.0.0.1", port: 0, services: "accounts=4/2", planner: false, env: {} };
    const gateway = await createGateway({
      ...options,
      topicPrefix,
      shutdownGraceMs: 0,
      log: kafka(),
      logger,
    });
    onTestFinished(() => gateway.close());
    await gateway.ready;
    return gateway;
  };
  const members = kafka();
  onTestFinished(() => members.close());
  const ack = (id: string, member: string) =>
    members.append({
      ...{ topic: `${topicPrefix}accounts.acks`, partition: ackPartitionOf(id) as number },
      ...encodeAck({
        ...{ kind: "acked", id, author: { member, token: 7 }, atMs: Date.now(), attempt: 1 },
        ...{ status: 200, headers: {}, body: Buffer.from(`reloaded by ${member}`) },
      }),
    });

  const [a, b] = [await start(), await start()];
  const { status, body } = await call(a, `${PATH}?handler=reload&ttl=600`, { body: "table 7" });
  expect([status, body.toString()]).toEqual([202, expect.stringContaining('"verdict":"open"')]);
  const { id } = JSON.parse(body.toString());
  await ack(id, "1");
  const answered = async (gateway: typeof a) => (await call(gateway, `${PATH}/${id}`, get)).body.toString();
  await expect.poll(() => answered(a), PATIENT).toContain("reloaded by 1");
  const before = await answered(a);
  await a.close();

  await expect.poll(() => answered(b), PATIENT).toBe(before);
  const following = call(b, `${PATH}/${id}/events`, get);
  const waiting = call(b, `${PATH}/${id}?wait=60`, get);
  await ack(id, "0");
  const events = eventsOf(await following);
  expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(["status", "verdict"]));
  expect(events.at(-1)?.data).toMatchObject({ verdict: "satisfied", reason: "all-answered" });
  const end = statusOf(await waiting);
  expect(end.members).toMatchObject([
    { member: "0", state: "acked", reply: { body: "reloaded by 0" } },
    { member: "1", state: "acked", reply: { body: "reloaded by 1" } },
  ]);

  // One that was not there for any of it.
  const c = await start();
  expect(await answered(c)).toBe(await answered(b));
});
