import { expect, test } from "vitest";
import type { AppendRecord } from "../append-record.ts";
import { numbered, type SuiteContext, textRecord } from "./context.ts";

export function appendPromises(suite: SuiteContext): void {
  test("appends made without waiting for each land in the order of the calls, at the offsets returned", async () => {
    const topic = await suite.topic(3);
    const texts = [0, 1, 2].map((partition) => numbered(`p${partition}-`, 400));
    const pending: Promise<{ offset: number }>[][] = [[], [], []];
    for (let i = 0; i < 400; i++) {
      // interleaved over the partitions, as a gateway does
      for (const p of [0, 1, 2])
        pending[p]?.push(suite.log.append(textRecord(topic, p, texts[p]?.[i] ?? "")));
    }
    const confirmed = await Promise.all(pending.map((all) => Promise.all(all)));

    const { reader, got } = await suite.reader(topic);
    for (const p of [0, 1, 2]) await reader.start(topic, p, "earliest");
    await got.count(1_200);
    for (const p of [0, 1, 2]) {
      expect(got.texts(p)).toEqual(texts[p]);
      expect(got.offsets(p)).toEqual(confirmed[p]?.map(({ offset }) => offset));
    }
  });

  test("offsets grow along a partition, whoever appends", async () => {
    const topic = await suite.topic();
    const other = await suite.open();
    const offsets: number[] = [];
    for (let i = 0; i < 10; i++) {
      offsets.push((await (i % 2 ? other : suite.log).append(textRecord(topic, 0, `${i}`))).offset);
    }
    expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));

    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    await got.count(10);
    expect(got.texts()).toEqual(numbered("", 10));
    expect(got.offsets()).toEqual(offsets);
  });

  test("bytes come back as they went, with null and empty keys and values and all kinds of headers", async () => {
    const topic = await suite.topic();
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const parts: Pick<AppendRecord, "key" | "value" | "headers">[] = [
      { key: everyByte, value: everyByte, headers: { binary: everyByte, text: "größe 日本", empty: "" } },
      { key: null, value: Buffer.from("no key"), headers: {} },
      { key: Buffer.from("no value"), value: null, headers: { "no-bytes": Buffer.alloc(0) } },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), headers: { größe: "a name of more than ASCII" } },
      { key: null, value: null, headers: {} },
    ];
    const before = Date.now();
    await Promise.all(parts.map((part) => suite.log.append({ topic, partition: 0, ...part })));

    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    await got.count(parts.length);
    for (const [i, part] of parts.entries()) {
      const record = got.records[i];
      expect(record).toMatchObject({ topic, partition: 0, key: part.key, value: part.value });
      expect(Math.abs((record?.timestampMs ?? 0) - before)).toBeLessThan(60_000);
      const asBuffers = Object.entries(part.headers).map(([name, value]) => [
        name,
        Buffer.from(value as string),
      ]);
      expect(record?.headers).toEqual(Object.fromEntries(asBuffers));
    }
  });

  test("a record just below the limit is accepted, one above it refused, and neither harms its neighbours", async () => {
    const topic = await suite.topic();
    const max = suite.features.maxRecordBytes;
    const below = Buffer.alloc(Math.floor(max * 0.9), "b");
    const above = Buffer.alloc(Math.ceil(max * 1.1), "a");
    const append = (value: Buffer) =>
      suite.log.append({ topic, partition: 0, key: Buffer.from("k"), value, headers: {} });

    // all at once, so that a driver that sends them together must keep them apart
    const [first, refused, ...accepted] = await Promise.allSettled([
      append(Buffer.from("first")),
      append(above),
      append(below),
      append(below),
      append(Buffer.from("last")),
    ]);

    expect(refused).toMatchObject({ status: "rejected", reason: { code: "SHARDCAST_BODY_TOO_LARGE" } });
    expect([first, ...accepted].map((outcome) => outcome?.status)).toEqual(Array(4).fill("fulfilled"));
    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    await got.text("last");
    expect(got.records.map(({ value }) => value?.length)).toEqual([5, below.length, below.length, 4]);
    expect(got.records[1]?.value?.equals(below)).toBe(true);
  });

  test("assertFits tells what append would refuse", async () => {
    const record = (part: number) => {
      const value = Buffer.alloc(Math.floor(suite.features.maxRecordBytes * part), "v");
      return { topic: "t", partition: 0, key: null, value, headers: {} };
    };
    expect(() => suite.log.assertFits(record(0.9))).not.toThrow();
    expect(() => suite.log.assertFits(record(1.1))).toThrow(
      expect.objectContaining({ code: "SHARDCAST_BODY_TOO_LARGE" }),
    );
  });

  test("a record whose headers make it too large is refused", async () => {
    const topic = await suite.topic();
    const half = Buffer.alloc(Math.ceil(suite.features.maxRecordBytes * 0.6), "h");
    const record = { topic, partition: 0, key: null, value: half, headers: { half } };
    await expect(suite.log.append(record)).rejects.toMatchObject({ code: "SHARDCAST_BODY_TOO_LARGE" });
  });

  test("appending to a topic that is not there is refused, and creates nothing", async () => {
    const topic = suite.fixture.topicName();
    await expect(suite.log.append(textRecord(topic, 0, "lost"))).rejects.toMatchObject({
      code: "SHARDCAST_LOG_REFUSED",
    });
    expect(await suite.log.partitionsOf(topic)).toBeUndefined();
  });

  test("a refused append leaves those to other topics alone", async () => {
    const topic = await suite.topic();
    const missing = suite.fixture.topicName();
    const [good, bad, better] = await Promise.allSettled([
      suite.log.append(textRecord(topic, 0, "good")),
      suite.log.append(textRecord(missing, 0, "bad")),
      suite.log.append(textRecord(topic, 0, "better")),
    ]);
    expect([good?.status, bad?.status, better?.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });
}
