import { runKafkaTool } from "@shardcast/infra-kafka";
import type { LogRecord } from "@shardcast/log";
import { createKafkaLog } from "@shardcast/log-kafka";
import { pino } from "pino";
import { AdminClient } from "../../../libs/log-kafka/src/admin-client.ts";
import { linkOpener } from "../../../libs/log-kafka/src/link.ts";
import { progressOf } from "../../../libs/log-kafka/src/offsets.ts";
import { resolveKafkaOptions } from "../../../libs/log-kafka/src/options.ts";

const silent = pino({ level: "silent" });
const CALL_TIMEOUT_MS = 10_000;

/** Every record that the topic holds now, partition by partition, in order. */
export async function readTopic(
  brokers: readonly string[],
  { name, partitions }: { readonly name: string; readonly partitions: number },
): Promise<LogRecord[]> {
  const log = createKafkaLog({ brokers, logger: silent }, {});
  const found: LogRecord[] = [];
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const start = all.map((partition) => ({ topic: name, partition, from: "earliest" }) as const);
  try {
    const reader = await log.openReader({
      topics: [name],
      start,
      onRecords: (records) => found.push(...records),
    });
    const ranges = await log.rangesOf(name);
    await Promise.all(all.map((partition) => reader.reached(name, partition, ranges[partition]?.high ?? 0)));
  } finally {
    await log.close();
  }
  return found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

export interface Committed {
  /** Everything below is done. */
  readonly offset: number;
  /** What is done above it. */
  readonly doneAbove: readonly number[];
}

/**
 * What the group has committed for the topic, by lane. The metadata is empty or, where anything is done above the mark,
 * `b` with a bitmap in base64url, bit i for offset `mark + 1 + i`; read here anew, not by the code under test.
 */
export async function committedProgress(
  brokers: readonly string[],
  group: string,
  topic: string,
): Promise<ReadonlyMap<number, Committed>> {
  const admin = new AdminClient(linkOpener(resolveKafkaOptions({ brokers }, {}), silent), CALL_TIMEOUT_MS);
  try {
    const committed = await progressOf(admin, group, topic);
    return new Map(
      [...committed].map(([lane, { offset, metadata }]) => {
        const bytes = Buffer.from(metadata.slice(1), "base64url");
        const bits = [...bytes].flatMap((byte, at) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => [byte, at, bit]));
        const set = bits.filter(([byte = 0, , bit = 0]) => (byte & (1 << bit)) !== 0);
        return [lane, { offset, doneAbove: set.map(([, at = 0, bit = 0]) => offset + 1 + at * 8 + bit) }];
      }),
    );
  } finally {
    await admin.close();
  }
}

/** Writes keyed records as a stranger would: by Kafka's own console producer, without a header of ours. */
export async function consoleProduce(
  brokers: readonly string[],
  topic: string,
  records: readonly (readonly [key: string, value: string])[],
): Promise<void> {
  const input = records.map(([key, value]) => `${key}\t${value}\n`).join("");
  const keyed = ["--property", "parse.key=true"]; // the separator is a tab
  await tool("ConsoleProducer", ["--bootstrap-server", brokers.join(","), "--topic", topic, ...keyed], input);
}

/** The first `count` records of a topic as the console consumer prints them: headers, key and value. */
export async function consoleConsume(
  brokers: readonly string[],
  topic: string,
  count: number,
): Promise<string[]> {
  const from = ["--bootstrap-server", brokers.join(","), "--topic", topic, "--from-beginning"];
  const until = ["--max-messages", String(count), "--timeout-ms", "20000"];
  const shown = ["print.headers", "print.key", "print.partition"].flatMap((name) => [
    "--property",
    `${name}=true`,
  ]);
  const stdout = await tool("consumer.ConsoleConsumer", [...from, ...until, ...shown]);
  return stdout.split("\n").slice(0, -1);
}

export interface DescribedLane {
  readonly topic: string;
  readonly lane: number;
  readonly offset: number;
  readonly end: number;
  readonly lag: number;
}

/** `kafka-consumer-groups --describe --group GROUP`, its rows. */
export async function describeGroup(brokers: readonly string[], group: string): Promise<DescribedLane[]> {
  const args = ["--bootstrap-server", brokers.join(","), "--describe", "--group", group];
  const stdout = await tool("consumer.group.ConsumerGroupCommand", args);
  const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/));
  return rows
    .filter(([name]) => name === group)
    .map(([, topic = "", lane, offset, end, lag]) => ({
      topic,
      lane: Number(lane),
      offset: Number(offset),
      end: Number(end),
      lag: Number(lag),
    }))
    .sort((a, b) => a.lane - b.lane);
}

async function tool(name: string, args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await runKafkaTool(`org.apache.kafka.tools.${name}`, args, { input });
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
