import { isShardcastError } from "@shardcast/protocol";
import { expect, onTestFinished, test } from "vitest";
import type { Log } from "../log.ts";
import { numbered, type SuiteContext, textRecord } from "./context.ts";
import { eventually } from "./eventually.ts";

const COMMITTED = { kind: "committed", offsets: [] };
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
    expect(log.available).toBe(true);

    const restore = await interrupt();
    await untilNoticed(log, topic);
    await expect(log.append(textRecord(topic, 0, "x"))).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.partitionsOf(topic)).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.ensureTopics([suite.spec(1)])).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.rangesOf(topic)).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.progressOf("s", topic)).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.openSession({ service: "s", member: "0", topic })).rejects.toMatchObject(UNAVAILABLE);
    expect(await session.commit({})).toMatchObject({ kind: "broken", cause: UNAVAILABLE });

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

  test("a session is over with the commit that met the outage; the next one of its name settles and goes on", async () => {
    const log = await suite.open();
    const { open, progress } = await suite.service();
    const session = await open("0", log);
    const before = { lane: 0, offset: 1, metadata: "before" };
    const during = { lane: 0, offset: 2, metadata: "during" };
    expect(await session.commit({ progress: [before] })).toEqual(COMMITTED);

    const restore = await interrupt();
    const broken = await session.commit({ progress: [during] }); // not known to be away yet
    expect(broken).toMatchObject({ kind: "broken", cause: UNAVAILABLE });
    await eventually(() => !log.available);
    await restore();
    await eventually(() => log.available);
    expect(await session.commit({ progress: [during] })).toEqual(broken);

    const next = await open("0", log);
    const settled = await progress();
    expect([[before], [during]]).toContainEqual(settled); // it may have arrived
    expect(await next.commit({})).toEqual(COMMITTED);
    expect(await progress()).toEqual(settled);
    const after = { lane: 0, offset: 3, metadata: "after" };
    expect(await next.commit({ progress: [after] })).toEqual(COMMITTED);
    await open();
    expect(await progress()).toEqual([after]);
    expect(await session.commit({})).toEqual(broken);
  });

  test("a session that was cut off can not write over a newer one of its name (C2)", async () => {
    const log = await suite.open();
    const { open, progress } = await suite.service();
    const older = await open("0", log);
    const idle = await open("1", log);
    await older.commit({ progress: [{ lane: 0, offset: 1, metadata: "older" }] });

    const restore = await interrupt();
    await eventually(() => !log.available);
    expect(await older.commit({})).toMatchObject({ kind: "broken" });
    await restore();
    await eventually(() => log.available);
    expect(await idle.commit({})).toEqual(COMMITTED); // who wrote nothing meanwhile still holds
    const newer = await open();
    expect(await older.commit({ progress: [{ lane: 0, offset: 2, metadata: "stale" }] })).toMatchObject({
      kind: "broken",
    });
    const next = { lane: 0, offset: 3, metadata: "newer" };
    expect(await newer.commit({ progress: [next] })).toEqual(COMMITTED);
    await open();
    expect(await progress()).toEqual([next]);
  });
}
