import { randomUUID } from "node:crypto";
import type { Log } from "@shardcast/log";
import { createKafkaLog } from "@shardcast/log-kafka";
import {
  decodeReply,
  encodeRequest,
  idempotentRequestId,
  type ReplyEnvelope,
  topicsOf,
} from "@shardcast/protocol";
import { pino } from "pino";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { createWorker, type Handler } from "../src/index.ts";

const logger = pino({ level: "silent" });
const instance = "me";

function openLog(): Log {
  const log = createKafkaLog({ brokers: inject("kafkaBrokers"), logger }, {});
  onTestFinished(() => log.close());
  return log;
}

test("C3 C5: killed between commit and reply: the next owner answers from the record, and the handler does not run again", async () => {
  const service = `s-${randomUUID()}`;
  const { replies, requests } = topicsOf(service, { lanes: 1 });
  const log = openLog();

  const start = async (through: Log, handler: Handler) => {
    const options = { service, replicas: 1, member: 0, podUid: "p", logger, defaultHandler: handler };
    const worker = createWorker({ ...options, log: through }, {});
    onTestFinished(() => void worker.stop());
    await worker.start();
  };
  const key = Buffer.from("k");
  const id = idempotentRequestId(service, key, "pay once", 0);
  const ask = async (correlation: string) => {
    const replyTo = { partition: 0, instance, correlation };
    const request = { id, service, key, handler: "", replyTo, recording: "outcome" as const, attempt: 1 };
    const record = encodeRequest({ ...request, headers: {}, body: Buffer.from("pay") });
    await log.append({ topic: requests.name, partition: 0, ...record });
  };

  const mortal = openLog();
  const died = Promise.withResolvers<void>();
  const append: Log["append"] = (record) => {
    if (record.topic !== replies.name) return mortal.append(record);
    died.resolve(mortal.close());
    return new Promise(() => {});
  };
  const dying = new Proxy(mortal, {
    get(log, name) {
      const member = name === "append" ? append : Reflect.get(log, name);
      return typeof member === "function" ? member.bind(log) : member;
    },
  });
  const first = vi.fn<Handler>(() => "paid");
  await start(dying, first);
  await ask("first");
  await died.promise;
  expect(first).toHaveBeenCalledTimes(1);

  const answers: ReplyEnvelope[] = [];
  const reader = await log.openReader({
    topics: [replies.name],
    start: [{ topic: replies.name, partition: 0, from: "earliest" }],
    onRecords: (records) => answers.push(...records.map(decodeReply).filter((reply) => reply !== undefined)),
  });
  onTestFinished(() => reader.close());
  const second = vi.fn<Handler>(() => "paid twice");
  await start(openLog(), second);
  await ask("second");
  await vi.waitFor(() => expect(answers).toHaveLength(1), { timeout: 20_000 });
  expect(answers[0]).toMatchObject({ id, correlation: "second", status: 200 });
  expect(answers[0]?.body.toString()).toBe("paid");
  expect(second).not.toHaveBeenCalled();
}, 120_000);
