import { randomUUID } from "node:crypto";
import { createKafkaLog } from "@shardcast/log-kafka";
import { callbackTopicsOf } from "@shardcast/protocol";
import { pino } from "pino";
import { Webhook } from "standardwebhooks";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { startEndpoint } from "./support/endpoint.ts";
import { SECRET } from "./support/settings.ts";
import { owe, SERVICE, startCallbacks } from "./support/stage.ts";

test("on Kafka, callbacks are POSTed in order, signed, and by the next gateway when the first one leaves (C1, C10)", async () => {
  const topicPrefix = `callbacks-${randomUUID()}.`;
  const open = () =>
    createKafkaLog({ brokers: inject("kafkaBrokers"), logger: pino({ level: "silent" }) }, {});
  const log = open();
  onTestFinished(() => log.close());
  await log.ensureTopics(Object.values(callbackTopicsOf(SERVICE, topicPrefix)));
  const endpoint = await startEndpoint(({ body }, count) => ({
    status: count === 1 || body.toString() === '"gone"' ? 500 : 200,
  }));
  const hosts = [`hook.test:${endpoint.port}`];
  const url = `http://${hosts[0]}/hook`;
  const options = { topicPrefix, checkMs: 100, settings: { callbackMaxAttempts: 2 } };
  const first = startCallbacks(hosts, { ...options, log: open() });
  const second = startCallbacks(hosts, { ...options, log: open(), at: "127.0.0.2" });
  first.plan(true);
  for (const body of ["1", "2", '"gone"', "3"]) await owe(log, { url, body }, topicPrefix);
  const last = await endpoint.arrived(6);
  expect(new Webhook(SECRET).verify(last.body, last.headers as Record<string, string>)).toBe(3);
  first.plan(false);
  await vi.waitFor(() => expect(first.callbacks.calling).toBe(false), { timeout: 10_000 });
  second.plan(true);
  await owe(log, { url, body: "4" }, topicPrefix);
  await endpoint.arrived(7);
  const told = endpoint.received.map(({ at, body }) => `${at} ${body}`);
  expect(told).toEqual([
    ...["1", "1", "2", '"gone"', '"gone"', "3"].map((body) => `127.0.0.1 ${body}`),
    "127.0.0.2 4",
  ]);
  const dead = await log.rangesOf(callbackTopicsOf(SERVICE, topicPrefix).dead.name);
  expect(dead.reduce((sum, { low, high }) => sum + high - low, 0)).toBe(1);
});
