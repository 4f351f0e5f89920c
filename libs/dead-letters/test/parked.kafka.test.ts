import { randomUUID } from "node:crypto";
import { createKafkaLog } from "@shardcast/log-kafka";
import { encodeRequest, topicsOf } from "@shardcast/protocol";
import { createWorker } from "@shardcast/worker";
import { pino } from "pino";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { openDeadLetters } from "../src/index.ts";
import { request, SERVICE } from "./support/world.ts";

const WAIT = { timeout: 30_000, interval: 20 };

test("C1 C9: a parked key stays so under its next owner, and a redrive has all of it run in order", async () => {
  const topicPrefix = `parked-${randomUUID()}.`;
  const { requests, dead } = topicsOf(SERVICE, { lanes: 1, prefix: topicPrefix });
  const connect = () => {
    const log = createKafkaLog({ brokers: inject("kafkaBrokers"), logger: pino({ level: "silent" }) }, {});
    onTestFinished(() => log.close());
    return log;
  };
  const calls: string[] = [];
  let mended = false;
  const start = async () => {
    const worker = createWorker(
      {
        ...{ service: SERVICE, topicPrefix, lanes: 1, replicas: 1, member: "0", podUid: "p" },
        ...{ onExhausted: "park", maxAttempts: 1, logger: pino({ level: "silent" }) },
        log: connect(),
        defaultHandler: (request) => {
          calls.push(request.text());
          if (request.text() === "1" && !mended) throw new Error("broken");
        },
      },
      {},
    );
    onTestFinished(() => worker.stop());
    await worker.start();
    return worker;
  };
  const log = connect();
  const send = async (body: string) => {
    const record = encodeRequest(request({ id: randomUUID(), body: Buffer.from(body) }));
    await log.append({ topic: requests.name, partition: 0, ...record });
  };

  const first = await start();
  await send("1");
  await send("2");
  const letters = await openDeadLetters(log, { service: SERVICE, topicPrefix, lanes: 1 });
  onTestFinished(() => letters.close());
  const lying = async () => (await letters.list()).letters.map(({ body }) => body.toString());
  await vi.waitFor(async () => expect(await lying()).toEqual(["1", "2"]), WAIT);
  await first.stop();
  await send("3");
  await start();
  await vi.waitFor(async () => expect(await lying()).toEqual(["1", "2", "3"]), WAIT);
  expect(calls).toEqual(["1"]);

  mended = true;
  const report = await letters.redrive({ key: request().key });
  expect(report).toMatchObject({ redriven: 3, skipped: {} });
  expect(report.parked).toBeUndefined();
  await send("4");
  await vi.waitFor(() => expect(calls).toEqual(["1", "1", "2", "3", "4"]), WAIT);
  expect(await lying()).toEqual([]);
  expect((await log.rangesOf(dead.name))[0]?.high).toBeGreaterThan(3);
}, 120_000);
