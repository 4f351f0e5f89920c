import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { logConformance } from "../src/conformance/index.ts";
import type { LogRecord } from "../src/index.ts";
import { createMemoryLog, MemoryCluster } from "../src/memory/index.ts";

const MAX_RECORD_BYTES = 100_000;

logConformance({
  name: "the in-memory twin",
  features: { persistent: true, outages: true, maxRecordBytes: MAX_RECORD_BYTES },
  async setUp() {
    const cluster = new MemoryCluster({ maxRecordBytes: MAX_RECORD_BYTES });
    let topics = 0;
    return {
      open: async () => createMemoryLog({ cluster }),
      topicName: () => `topic-${topics++}`,
      async interrupt() {
        cluster.setAvailable(false);
        return async () => cluster.setAvailable(true);
      },
      close: async () => {},
    };
  },
});

async function open(cluster = new MemoryCluster()) {
  const log = createMemoryLog({ cluster });
  onTestFinished(() => log.close());
  await log.ensureTopics([{ name: "t", partitions: 1, cleanup: "delete" }]);
  const got: LogRecord[] = [];
  const reader = await log.openReader({ topics: ["t"], onRecords: (records) => void got.push(...records) });
  const append = (text: string) =>
    log.append({ topic: "t", partition: 0, key: null, value: Buffer.from(text), headers: {} });
  const texts = () => got.map(({ value }) => value?.toString());
  return { log, reader, got, append, texts };
}

test("a partition keeps so many records and drops the oldest (C7); start below moves up to the earliest", async () => {
  const { reader, append, texts } = await open(new MemoryCluster({ maxRecordsPerPartition: 10 }));
  for (let i = 0; i < 35; i++) expect(await append(`${i}`)).toEqual({ offset: i });
  expect(await reader.start("t", 0, 3)).toBe(25);
  await turn();
  expect(texts()).toEqual(["25", "26", "27", "28", "29", "30", "31", "32", "33", "34"]);
  expect(await reader.start("t", 0, "earliest")).toBe(25);
  expect(await reader.start("t", 0, 30)).toBe(30);
  expect(await reader.start("t", 0, "latest")).toBe(35);
});

test("ranges begin where retention has left off", async () => {
  const { log, append } = await open(new MemoryCluster({ maxRecordsPerPartition: 10 }));
  for (let i = 0; i < 12; i++) await append(`${i}`);
  expect(await log.rangesOf("t")).toEqual([{ low: 2, high: 12 }]);
});

test("a commit is there at once and whole", async () => {
  const { log } = await open();
  const session = await log.openSession({ service: "s", member: "0", topic: "t" });
  const record = { topic: "t", partition: 0, key: null, value: Buffer.from("a"), headers: {} };
  const committing = session.commit({
    progress: [{ lane: 0, offset: 1, metadata: "m" }],
    records: [record, record],
  });
  const [ranges, progress] = [log.rangesOf("t"), log.progressOf("s", "t")]; // before it resolves
  expect(await ranges).toEqual([{ low: 0, high: 2 }]);
  expect([...(await progress).values()]).toEqual([{ lane: 0, offset: 1, metadata: "m" }]);
  expect(await committing).toEqual({ kind: "committed", offsets: [0, 1] });
});

test("what progressOf told does not change with what is committed later", async () => {
  const { log } = await open();
  const session = await log.openSession({ service: "s", member: "0", topic: "t" });
  await session.commit({ progress: [{ lane: 0, offset: 1, metadata: "" }] });
  const told = await log.progressOf("s", "t");
  await session.commit({ progress: [{ lane: 0, offset: 2, metadata: "" }] });
  expect(told.get(0)?.offset).toBe(1);
});

test("neither the writer's nor a reader's bytes are the log's", async () => {
  const { log, reader, got } = await open();
  const [key, value, header] = [Buffer.from("key"), Buffer.from("value"), Buffer.from("header")];
  const headers: Record<string, Buffer> = { header };
  await log.append({ topic: "t", partition: 0, key, value, headers });
  for (const bytes of [key, value, header]) bytes.fill("x");
  headers.more = header;

  for (let round = 0; round < 2; round++) {
    await reader.start("t", 0, "earliest");
    await turn();
    const { key, value, headers } = got.pop() ?? expect.unreachable("nothing was delivered");
    expect({ key, value, headers }).toEqual({
      key: Buffer.from("key"),
      value: Buffer.from("value"),
      headers: { header: Buffer.from("header") },
    });
    for (const bytes of [key, value, headers.header]) (bytes as Buffer).fill("y"); // and reads it again
  }
});

test("delivery never happens inside append", async () => {
  const { reader, append, got } = await open();
  await reader.start("t", 0, "earliest");
  const appended = append("a");
  expect(got).toHaveLength(0);
  await appended;
  expect(got).toHaveLength(0);
  await turn();
  expect(got).toHaveLength(1);
});

test("during an outage nothing is delivered, not even what was already there", async () => {
  const cluster = new MemoryCluster();
  const { log, reader, append, texts } = await open(cluster);
  await reader.start("t", 0, "earliest");
  await append("a");
  cluster.setAvailable(false);
  await turn();
  expect(texts()).toEqual([]);
  expect(log.available).toBe(false);
  await expect(reader.start("t", 0, 0)).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
  await expect(log.openReader({ topics: ["t"], onRecords() {} })).rejects.toMatchObject({
    code: "SHARDCAST_LOG_UNAVAILABLE",
  });
  cluster.setAvailable(true);
  await turn();
  expect(texts()).toEqual(["a"]);
});

test("headers of strangers come back: repeated, named __proto__, and without a value", async () => {
  const { log, reader, got } = await open();
  const headers = JSON.parse('{"__proto__": "p", "twice": ["a", "b"]}');
  await log.append({
    topic: "t",
    partition: 0,
    key: null,
    value: null,
    headers: { ...headers, none: undefined },
  });
  await reader.start("t", 0, "earliest");
  await turn();
  const found = got[0]?.headers ?? {};
  expect(Object.entries(found)).toEqual([
    ["__proto__", Buffer.from("p")],
    ["twice", [Buffer.from("a"), Buffer.from("b")]],
    ["none", undefined],
  ]);
});

test("a cluster creates no topic that Kafka would refuse", async () => {
  const { log } = await open();
  for (const spec of [
    { name: "with space", partitions: 1 },
    { name: "..", partitions: 1 },
    { name: "n".repeat(250), partitions: 1 },
    { name: "none", partitions: 0 },
  ]) {
    await expect(log.ensureTopics([{ ...spec, cleanup: "delete" }])).rejects.toMatchObject({
      code: "SHARDCAST_LOG_REFUSED",
    });
  }
});
