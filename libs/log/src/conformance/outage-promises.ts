import { isShardcastError } from "@shardcast/protocol";
import { expect, onTestFinished, test } from "vitest";
import type { Log } from "../log.ts";
import { numbered, type SuiteContext, textRecord } from "./context.ts";
import { eventually } from "./eventually.ts";

const UNAVAILABLE = { code: "SHARDCAST_LOG_UNAVAILABLE" };

export function outagePromises(suite: SuiteContext): void {
  /** Interrupts the log; the returned function ends that once, as does the end of the test. */
  async function interrupt(): Promise<() => Promise<void>> {
    if (suite.fixture.interrupt === undefined) throw new Error("features.outages needs fixture.interrupt");
    const restore = await suite.fixture.interrupt();
    let restored: Promise<void> | undefined;
    const once = () => {
      // The suite's own connection notices by itself, maybe later than the one under test.
      restored ??= restore().then(() => eventually(() => suite.log.available));
      return restored;
    };
    onTestFinished(once);
    return once;
  }

  /** Appends until the connection has noticed. */
  async function untilNoticed(log: Log, topic: string, partition = 0): Promise<void> {
    await eventually(async () => {
      await log.append(textRecord(topic, partition, "noticing")).catch((error: unknown) => {
        expect(error).toMatchObject(UNAVAILABLE);
      });
      return !log.available;
    });
  }

  test("available turns false when the log is away, calls then fail, and it turns true again by itself", async () => {
    const log = await suite.open();
    const topic = await suite.topic();
    const session = await log.openSession({ service: `s-${topic}`, member: "0", topic });
    await session.take(0);
    expect(log.available).toBe(true);

    const restore = await interrupt();
    await untilNoticed(log, topic);
    await expect(log.append(textRecord(topic, 0, "x"))).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.partitionsOf(topic)).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.ensureTopics([suite.spec(1)])).rejects.toMatchObject(UNAVAILABLE);
    await expect(session.take(0)).rejects.toMatchObject(UNAVAILABLE);
    expect(await session.commit([])).toMatchObject({ kind: "unavailable" });

    await restore();
    await eventually(() => log.available);
    await log.append(textRecord(topic, 0, "again"));
  });

  test("every confirmed append is read back once and in order, whatever the outage did to the others (C3)", async () => {
    const log = await suite.open();
    const topic = await suite.topic(3);
    const called: string[] = []; // the same texts go to both partitions
    const confirmed = [new Set<string>(), new Set<string>()];
    const settled: Promise<unknown>[] = [];
    const append = async (partition: number, text: string) => {
      try {
        await log.append(textRecord(topic, partition, text));
        confirmed[partition]?.add(text);
      } catch (error) {
        if (!isShardcastError(error) || error.code !== UNAVAILABLE.code) throw error;
      }
    };
    const burst = (name: string) => {
      for (const text of numbered(name, 200)) {
        called.push(text);
        for (const partition of [0, 1]) settled.push(append(partition, text));
      }
    };

    burst("before");
    const interrupting = interrupt(); // the burst may be on its way
    burst("into");
    const restore = await interrupting;
    burst("during");
    await untilNoticed(log, topic, 2);
    burst("known");
    await restore();
    await eventually(() => log.available);
    burst("after");
    await Promise.all(settled);
    for (const partition of [0, 1]) await suite.appendTexts(topic, partition, [`end${partition}`], log);

    const { reader, got } = await suite.reader(topic);
    for (const partition of [0, 1]) await reader.start(topic, partition, "earliest");
    for (const partition of [0, 1]) await got.text(`end${partition}`);
    for (const partition of [0, 1]) {
      const read = got.texts(partition);
      const sure = confirmed[partition] ?? new Set();
      expect(read.filter((text) => sure.has(text))).toEqual(called.filter((text) => sure.has(text)));
      expect(numbered("after", 200).every((text) => sure.has(text))).toBe(true);
      expect(new Set(read).size).toBe(read.length); // the unsure ones at most once
    }
  });

  test("readers go on after the outage without gap or repeat, paused ones stay paused", async () => {
    const topic = await suite.topic(3);
    const writer = await suite.open();
    const { reader, got } = await suite.reader(topic, { log: await suite.open() });
    for (const partition of [0, 1, 2]) await reader.start(topic, partition, "earliest");
    for (const partition of [0, 1, 2])
      await suite.appendTexts(topic, partition, numbered("before", 300), writer);
    await got.count(900);
    reader.pause(topic, 2);

    const restore = await interrupt();
    await untilNoticed(writer, topic);
    await restore();
    await eventually(() => writer.available);
    for (const partition of [2, 1, 0]) {
      await suite.appendTexts(topic, partition, [...numbered("after", 300), `end${partition}`], writer);
    }
    for (const partition of [0, 1]) await got.text(`end${partition}`);
    expect(got.texts(2)).toEqual(numbered("before", 300));
    reader.resume(topic, 2);
    await got.text("end2");

    const check = await suite.reader(topic);
    for (const partition of [0, 1, 2]) await check.reader.start(topic, partition, "earliest");
    for (const partition of [0, 1, 2]) await check.got.text(`end${partition}`);
    for (const partition of [0, 1, 2]) {
      expect(got.offsets(partition)).toEqual(check.got.offsets(partition));
      expect(got.texts(partition)).toEqual(check.got.texts(partition));
    }
  });

  test("a session outlives the outage and commits again", async () => {
    const log = await suite.open();
    const topic = await suite.topic();
    const options = { service: `s-${topic}`, member: "0", topic };
    const session = await log.openSession(options);
    await session.take(0);
    expect(await session.commit([{ lane: 0, offset: 1, metadata: "before" }])).toEqual({ kind: "committed" });

    const restore = await interrupt();
    await untilNoticed(log, topic);
    expect(await session.commit([{ lane: 0, offset: 2, metadata: "during" }])).toMatchObject({
      kind: "unavailable",
    });
    await restore();
    await eventually(() => log.available);
    expect([1, 2]).toContain((await session.take(0)).offset); // 2 if it arrived nevertheless
    const kinds: string[] = [];
    await eventually(async () => {
      const outcome = await session.commit([{ lane: 0, offset: 3, metadata: "after" }]);
      kinds.push(outcome.kind);
      return outcome.kind !== "unavailable";
    });
    expect(kinds.at(-1)).toBe("committed");
    const next = await (await suite.open()).openSession(options);
    expect(await next.take(0)).toEqual({ lane: 0, offset: 3, metadata: "after" });
    expect(await session.commit([])).toEqual({ kind: "fenced" });
    await Promise.all([session.close(), next.close()]);
  });

  test("a session that was cut off does not come back over a newer one of its member (C2)", async () => {
    const log = await suite.open();
    const topic = await suite.topic();
    const options = { service: `s-${topic}`, member: "0", topic };
    const older = await log.openSession(options);
    await older.take(0);
    await older.commit([{ lane: 0, offset: 1, metadata: "older" }]);

    const restore = await interrupt();
    await untilNoticed(log, topic);
    expect(await older.commit([])).toMatchObject({ kind: "unavailable" });
    await restore();
    await eventually(() => log.available);
    const newer = await suite.log.openSession(options);
    expect(await older.commit([{ lane: 0, offset: 2, metadata: "stale" }])).toEqual({ kind: "fenced" });
    expect(await newer.take(0)).toEqual({ lane: 0, offset: 1, metadata: "older" });
    expect(await newer.commit([{ lane: 0, offset: 3, metadata: "newer" }])).toEqual({ kind: "committed" });
    await Promise.all([older.close(), newer.close()]);
  });
}
