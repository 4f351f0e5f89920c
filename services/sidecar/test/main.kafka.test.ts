import { randomUUID } from "node:crypto";
import { createKafkaLog } from "@shardcast/log-kafka";
import { broadcastTopicsOf, encodeBroadcast, newBroadcastId } from "@shardcast/protocol";
import { pino } from "pino";
import { expect, inject, onTestFinished, test } from "vitest";
import { startApp } from "./support/app.ts";
import { runMain, type SidecarProcess } from "./support/process.ts";

const SERVICE = "accounts";
const PATIENCE = { timeout: 60_000 };

test("a durable member relays, ends by SIGTERM with 0 behind its last POST, and catches up with what came meanwhile (C6)", {
  timeout: 180_000,
}, async () => {
  const brokers = inject("kafkaBrokers");
  const prefix = `sidecar-${randomUUID()}.`;
  const app = await startApp();
  const env = {
    SHARDCAST_KAFKA_BROKERS: brokers.join(","),
    SHARDCAST_TOPIC_PREFIX: prefix,
    SHARDCAST_SERVICE: SERVICE,
    SHARDCAST_REPLICAS: "1",
    SHARDCAST_MEMBER: "accounts-0",
    SHARDCAST_APP_URL: app.url,
    SHARDCAST_APP_HEALTH_URL: `${app.url}/health`,
    SHARDCAST_HEALTH_PORT: "0",
  };
  const log = createKafkaLog({ brokers, logger: pino({ level: "silent" }) }, {});
  onTestFinished(() => log.close());
  const posted = () =>
    app.asked
      .filter(({ method }) => method === "POST")
      .map(({ headers }) => headers["shardcast-broadcast-id"]);

  async function broadcast(): Promise<string> {
    const [id, now] = [newBroadcastId(), Date.now()];
    const { key, value, headers } = encodeBroadcast({
      id,
      service: SERVICE,
      handler: "reload",
      headers: {},
      body: Buffer.from("now"),
      acceptedMs: now,
      expiresMs: now + 600_000,
      ack: { kind: "all" },
      epoch: 0,
      expected: [{ member: "0" }],
      targeted: false,
    });
    const topic = broadcastTopicsOf(SERVICE, { prefix }).broadcast.name;
    await log.append({ topic, partition: 0, key, value, headers });
    return id;
  }

  const first = runMain(env);
  await relaying(first);
  const [, port] = /"port":([0-9]+)/.exec(first.stdout()) ?? [];
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  const taken = await broadcast();
  await expect.poll(posted, PATIENCE).toEqual([taken]);

  const asked = new Promise<() => void>((resolve) => {
    app.answer = (response) => resolve(() => void response.writeHead(204).end());
  });
  const running = await broadcast();
  const answer = await asked;
  first.child.kill("SIGTERM");
  await expect.poll(first.stdout, PATIENCE).toContain('"msg":"closing"');
  answer();
  expect(await first.exited).toBe(0);

  const meanwhile = await broadcast();
  app.answer = (response) => void response.writeHead(204).end();
  const second = runMain(env);
  await relaying(second);
  await expect.poll(posted, PATIENCE).toContain(meanwhile);
  // What was acknowledged on the way out is not brought again.
  expect(posted()).toEqual([taken, running, meanwhile]);
  second.child.kill("SIGTERM");
  expect(await second.exited).toBe(0);
});

async function relaying(run: SidecarProcess): Promise<void> {
  await expect.poll(run.stdout, PATIENCE).toContain('"msg":"ready"');
}
