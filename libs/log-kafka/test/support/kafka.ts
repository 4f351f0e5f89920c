import { randomInt, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { runKafkaTool } from "@shardcast/infra-kafka";
import type { AppendRecord, Log, LogReader } from "@shardcast/log";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { createKafkaLog, type KafkaLogOptions } from "../../src/index.ts";

export interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A log of the test's own, closed after it, and what it writes to its logger. */
export function openLog(
  brokers: readonly string[],
  options: KafkaLogOptions = {},
): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const logger = pino(
    { level: "trace" },
    {
      write(line: string) {
        if (process.env.TEST_LOG_LEVEL === "trace") process.stderr.write(line);
        lines.push(JSON.parse(line));
      },
    },
  );
  const log = createKafkaLog({ brokers, logger, ...options }, {});
  onTestFinished(() => log.close());
  return { log, lines };
}

export function topicName(): string {
  return `t-${randomUUID()}`;
}

export async function makeTopic(log: Log, partitions = 1): Promise<string> {
  const name = topicName();
  await log.ensureTopics([{ name, partitions, cleanup: "delete" }]);
  return name;
}

export function textRecord(topic: string, partition: number, text: string): AppendRecord {
  return { topic, partition, key: Buffer.from("key"), value: Buffer.from(text), headers: {} };
}

/** Appends without waiting for each; resolves to the offsets. */
export async function appendTexts(log: Log, topic: string, partition: number, texts: readonly string[]) {
  const all = await Promise.all(texts.map((text) => log.append(textRecord(topic, partition, text))));
  return all.map(({ offset }) => offset);
}

/** `["<name>0", "<name>1", …]` */
export function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name}${i}`);
}

export interface Reading {
  readonly reader: LogReader;
  /** What came of a partition so far, as `offset:text`. */
  of(partition: number): string[];
  texts(partition: number): string[];
  /** Resolves once a record of this text came. */
  text(text: string): Promise<void>;
}

export async function openReading(log: Log, topic: string): Promise<Reading> {
  const got: { partition: number; offset: number; text: string }[] = [];
  const waiting = new Map<string, () => void>();
  const reader = await log.openReader({
    topics: [topic],
    onRecords(records) {
      for (const { partition, offset, value } of records) {
        const text = String(value);
        got.push({ partition, offset, text });
        waiting.get(text)?.();
      }
    },
  });
  onTestFinished(() => reader.close());
  const of = (partition: number) => got.filter((each) => each.partition === partition);
  return {
    reader,
    of: (partition) => of(partition).map(({ offset, text }) => `${offset}:${text}`),
    texts: (partition) => of(partition).map(({ text }) => text),
    text: (text) =>
      new Promise((resolve) => {
        waiting.set(text, resolve);
        if (got.some((each) => each.text === text)) resolve();
      }),
  };
}

/** All texts of a partition up to a marker that is appended now. */
export async function readAll(log: Log, topic: string, partition = 0): Promise<string[]> {
  const marker = `marker-${randomUUID()}`;
  await log.append(textRecord(topic, partition, marker));
  const reading = await openReading(log, topic);
  await reading.reader.start(topic, partition, "earliest");
  await reading.text(marker);
  await reading.reader.close();
  return reading.texts(partition).filter((text) => !text.startsWith("marker-"));
}

/** Kafka's own tool, as a stranger to this package; its output. */
export async function tool(
  className: string,
  broker: string | undefined,
  args: readonly string[],
): Promise<string> {
  const all = ["--bootstrap-server", String(broker), ...args];
  const { code, stdout, stderr } = await runKafkaTool(className, all);
  if (code !== 0) throw new Error(`${className} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

export const TOPIC_COMMAND = "org.apache.kafka.tools.TopicCommand";

/** A port where nothing listens, below those that systems hand to outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    const free = await Promise.race([
      once(server.listen(port, "127.0.0.1"), "listening").then(() => true),
      once(server, "error").then(() => false),
    ]).catch(() => false);
    server.close();
    if (free) return port;
  }
}
