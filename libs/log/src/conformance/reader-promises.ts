import { expect, test } from "vitest";
import { numbered, type SuiteContext } from "./context.ts";

export function readerPromises(suite: SuiteContext): void {
  test("nothing is delivered before a partition is started", async () => {
    const topic = await suite.topic(2);
    await suite.appendTexts(topic, 0, numbered("old", 3));
    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 1, "earliest");
    await suite.appendTexts(topic, 0, ["new"]);
    const markers = await suite.letTimePass(topic, 1, got);
    expect(got.texts()).toEqual(markers);
  });

  test("start at an offset delivers from exactly there", async () => {
    const topic = await suite.topic();
    const offsets = await suite.appendTexts(topic, 0, numbered("r", 10));
    const { reader, got } = await suite.reader(topic);
    expect(await reader.start(topic, 0, offsets[4] ?? -1)).toBe(offsets[4]);
    await got.text("r9");
    expect(got.offsets()).toEqual(offsets.slice(4));
  });

  test("start at earliest delivers everything and tells the first offset", async () => {
    const topic = await suite.topic();
    const offsets = await suite.appendTexts(topic, 0, numbered("r", 5));
    const { reader, got } = await suite.reader(topic);
    expect(await reader.start(topic, 0, "earliest")).toBe(offsets[0]);
    await got.text("r4");
    expect(got.offsets()).toEqual(offsets);
  });

  test("start on an empty partition waits for the first record", async () => {
    const topic = await suite.topic(3);
    const { reader, got } = await suite.reader(topic);
    expect(await reader.start(topic, 0, "earliest")).toBe(0);
    expect(await reader.start(topic, 1, "latest")).toBe(0);
    expect(await reader.start(topic, 2, 0)).toBe(0);
    for (const partition of [0, 1, 2]) await suite.appendTexts(topic, partition, [`first${partition}`]);
    await got.count(3);
    expect(got.texts().sort()).toEqual(["first0", "first1", "first2"]);
  });

  test("start at latest delivers nothing older and misses nothing newer", async () => {
    const topic = await suite.topic();
    const old = await suite.appendTexts(topic, 0, numbered("old", 5));
    const { reader, got } = await suite.reader(topic);
    const started = await reader.start(topic, 0, "latest");
    expect(started).toBeGreaterThan(old.at(-1) ?? Number.POSITIVE_INFINITY);
    const fresh = await suite.appendTexts(topic, 0, numbered("new", 5));
    await got.text("new4");
    expect(got.offsets()).toEqual(fresh);
  });

  test("nothing is delivered after pause returned, and resume goes on without gap or repeat", async () => {
    const topic = await suite.topic(2);
    const { reader, got } = await suite.reader(topic);
    for (const partition of [0, 1]) await reader.start(topic, partition, "earliest");
    await suite.appendTexts(topic, 0, numbered("before", 5));
    await got.text("before4");

    reader.pause(topic, 0);
    await suite.appendTexts(topic, 0, numbered("during", 5));
    await suite.letTimePass(topic, 1, got);
    expect(got.texts(0)).toEqual(numbered("before", 5));

    reader.resume(topic, 0);
    await got.text("during4");
    expect(got.texts(0)).toEqual([...numbered("before", 5), ...numbered("during", 5)]);
  });

  test("pausing twice, resuming twice and touching what was not started do nothing", async () => {
    const topic = await suite.topic(2);
    await suite.appendTexts(topic, 1, ["never started"]);
    const { reader, got } = await suite.reader(topic);
    reader.pause(topic, 1);
    reader.resume(topic, 1);
    await reader.start(topic, 0, "earliest");
    reader.resume(topic, 0);
    reader.pause(topic, 0);
    reader.pause(topic, 0);
    reader.resume(topic, 0);
    await suite.appendTexts(topic, 0, ["a", "b"]);
    await got.text("b");
    expect(got.texts()).toEqual(["a", "b"]);
  });

  test("starting again reads again from there, exactly once", async () => {
    const topic = await suite.topic();
    const offsets = await suite.appendTexts(topic, 0, numbered("r", 10));
    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    await got.count(10);
    await reader.start(topic, 0, offsets[3] ?? -1);
    await got.count(17);
    await suite.appendTexts(topic, 0, ["marker"]);
    await got.text("marker");
    expect(got.texts()).toEqual([...numbered("r", 10), ...numbered("r", 10).slice(3), "marker"]);
  });

  test("starting again ends what was started when it is called, not when it resolves", async () => {
    const topic = await suite.topic();
    const offsets = await suite.appendTexts(topic, 0, numbered("r", 5));
    let resolved = true;
    const early: string[] = [];
    const { reader, got } = await suite.reader(topic, {
      onRecords: (records) => {
        if (!resolved) early.push(...records.map(({ value }) => String(value)));
      },
    });
    await reader.start(topic, 0, "latest");
    for (let round = 0; round < 20; round++) {
      resolved = false;
      const started = reader.start(topic, 0, "latest").then(() => {
        resolved = true;
      });
      await suite.appendTexts(topic, 0, [`between ${round}`]);
      await started;
    }
    expect(early).toEqual([]);
    await reader.start(topic, 0, offsets[3] as number);
    await got.text("between 19");
  });

  test("of several starts under way the last one counts, and so does a pause after it", async () => {
    const topic = await suite.topic();
    const offsets = await suite.appendTexts(topic, 0, numbered("r", 6));
    const { reader, got } = await suite.reader(topic);
    const first = reader.start(topic, 0, offsets[1] as number);
    const second = reader.start(topic, 0, offsets[4] as number);
    await Promise.all([first, second]);
    await got.text("r5");
    expect(got.texts()).toEqual(["r4", "r5"]);

    const third = reader.start(topic, 0, offsets[0] as number);
    reader.pause(topic, 0);
    await third;
    const other = await suite.reader(topic);
    await other.reader.start(topic, 0, "latest");
    await suite.letTimePass(topic, 0, other.got);
    expect(got.texts()).toEqual(["r4", "r5"]);
  });

  test("starting again ends a pause", async () => {
    const topic = await suite.topic();
    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    reader.pause(topic, 0);
    await suite.appendTexts(topic, 0, ["kept"]);
    await reader.start(topic, 0, "earliest");
    await got.text("kept");
    expect(got.texts()).toEqual(["kept"]);
  });

  test("readers are independent of each other, on one connection and on another", async () => {
    const topic = await suite.topic();
    const readers = [
      await suite.reader(topic),
      await suite.reader(topic),
      await suite.reader(topic, { log: await suite.open() }),
    ];
    for (const { reader } of readers) await reader.start(topic, 0, "earliest");
    readers[0]?.reader.pause(topic, 0);
    const texts = numbered("r", 20);
    await suite.appendTexts(topic, 0, texts);
    for (const { got } of readers.slice(1)) await got.text("r19");
    readers[0]?.reader.resume(topic, 0);
    await readers[0]?.got.text("r19");
    for (const { got } of readers) expect(got.texts()).toEqual(texts);
  });

  test("one reader reads several topics and keeps them apart", async () => {
    const topics = [await suite.topic(2), await suite.topic(2)] as const;
    const got: string[] = [];
    const { promise: all, resolve } = Promise.withResolvers<void>();
    const reader = await suite.log.openReader({
      topics,
      onRecords(records) {
        for (const { topic, partition, value } of records) got.push(`${topic}/${partition}:${value}`);
        if (got.length === 4) resolve();
      },
    });
    try {
      for (const topic of topics) for (const p of [0, 1]) await reader.start(topic, p, "earliest");
      for (const topic of topics) for (const p of [0, 1]) await suite.appendTexts(topic, p, ["r"]);
      await all;
      expect(got.sort()).toEqual(topics.flatMap((topic) => [`${topic}/0:r`, `${topic}/1:r`]).sort());
    } finally {
      await reader.close();
    }
  });
}
