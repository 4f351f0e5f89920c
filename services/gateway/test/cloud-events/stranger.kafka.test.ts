import { randomUUID } from "node:crypto";
import { runKafkaTool } from "@shardcast/infra-kafka";
import { createKafkaLog } from "@shardcast/log-kafka";
import { topicsOf } from "@shardcast/protocol";
import { createWorker, type HandlerRequest } from "@shardcast/worker";
import { pino } from "pino";
import { expect, inject, onTestFinished, test } from "vitest";

const SERVICE = "accounts";
const LANES = 3;

type Seen = Pick<HandlerRequest, "key" | "handler" | "contentType" | "headers"> & { readonly text: string };

/** A worker that tells what its handlers get. */
async function start(brokers: readonly string[], topicPrefix: string) {
  const logger = pino({ level: "silent" });
  const log = createKafkaLog({ brokers, logger }, {});
  const seen: Seen[] = [];
  const see = (request: HandlerRequest) => {
    const { key, handler, contentType, headers } = request;
    seen.push({ key, handler, contentType, headers: { ...headers }, text: request.text() });
  };
  const refused = () => {
    throw new Error("not for this handler");
  };
  const worker = createWorker({
    log,
    service: SERVICE,
    lanes: LANES,
    replicas: 1,
    member: `${SERVICE}-0`,
    topicPrefix,
    logger,
    handlers: { "com.example.deposit": see, deposit: refused },
    defaultHandler: see,
  });
  onTestFinished(async () => {
    await worker.stop();
    await log.close();
  });
  await log.ensureTopics(Object.values(topicsOf(SERVICE, { lanes: LANES, prefix: topicPrefix })));
  await worker.start();
  return seen;
}

test("a stranger's CloudEvent on Kafka, in binary mode, reaches the handler of its type with its attributes as headers", async () => {
  const brokers = inject("kafkaBrokers");
  const topicPrefix = `events-${randomUUID()}.`;
  const seen = await start(brokers, topicPrefix);
  const attributes = (type: string) =>
    `ce_specversion:1.0,ce_id:e-1,ce_source:/bank/1,ce_type:${type},ce_subject:für €,content-type:application/json`;
  const records = [
    `${attributes("com.example.deposit")}\t42\t{"amount":5}\n`,
    `${attributes("com.example.unknown")}\t43\t{"amount":6}\n`,
  ];
  const topic = topicsOf(SERVICE, { lanes: LANES, prefix: topicPrefix }).requests.name;
  const properties = ["parse.key=true", "parse.headers=true"].flatMap((each) => ["--property", each]);
  const { code, stderr } = await runKafkaTool(
    "org.apache.kafka.tools.ConsoleProducer",
    ["--bootstrap-server", brokers.join(","), "--topic", topic, ...properties],
    { input: records.join("") },
  );
  expect([code, stderr]).toEqual([0, expect.anything()]);

  await expect.poll(() => seen.length, { timeout: 30_000 }).toBe(2);
  const headersOf = (type: string) => ({
    "ce-specversion": "1.0",
    "ce-id": "e-1",
    "ce-source": "/bank/1",
    "ce-type": type,
    "ce-subject": "für €",
  });
  const contentType = "application/json";
  expect(seen.sort((a, b) => a.key.localeCompare(b.key))).toEqual([
    {
      key: "42",
      handler: "com.example.deposit",
      contentType,
      headers: headersOf("com.example.deposit"),
      text: '{"amount":5}',
    },
    // For the default handler, since this worker has none of that name.
    {
      key: "43",
      handler: "com.example.unknown",
      contentType,
      headers: headersOf("com.example.unknown"),
      text: '{"amount":6}',
    },
  ]);
});
