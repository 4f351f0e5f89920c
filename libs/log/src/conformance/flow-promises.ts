import { expect, test } from "vitest";
import type { LogReader, LogRecord } from "../reader.ts";
import { numbered, type SuiteContext, textRecord } from "./context.ts";

const PARTITIONS = [0, 1, 2, 3];
const PER_PARTITION = 1_500;
const TOTAL = PARTITIONS.length * PER_PARTITION;

export function flowPromises(suite: SuiteContext): void {
  /** Appends to all partitions in turn, with a breath now and then so that readers run in between. */
  async function flow(topic: string): Promise<number[][]> {
    const pending: Promise<{ offset: number }>[][] = PARTITIONS.map(() => []);
    for (let i = 0; i < PER_PARTITION; i++) {
      for (const p of PARTITIONS) pending[p]?.push(suite.log.append(textRecord(topic, p, `${i}`)));
      if (i % 50 === 0) await pending[0]?.at(-1);
    }
    const confirmed = await Promise.all(pending.map((all) => Promise.all(all)));
    return confirmed.map((all) => all.map(({ offset }) => offset));
  }

  test("pausing and resuming while thousands of records flow leaves no gap and repeats nothing", async () => {
    const topic = await suite.topic(PARTITIONS.length);
    const paused = new Set<number>();
    let deliveredWhilePaused = 0;
    let reader: LogReader | undefined;
    const opened = await suite.reader(topic, {
      onRecords([first]: readonly LogRecord[]) {
        if (first === undefined) return;
        const { partition } = first;
        if (paused.has(partition)) deliveredWhilePaused++;
        // every delivery pauses its own partition, and a later turn of the event loop resumes it
        paused.add(partition);
        reader?.pause(topic, partition);
        setImmediate(() => {
          paused.delete(partition);
          reader?.resume(topic, partition);
        });
      },
    });
    reader = opened.reader;
    for (const p of PARTITIONS) await reader.start(topic, p, "earliest");
    const offsets = await flow(topic);
    await opened.got.count(TOTAL);
    for (const p of PARTITIONS) {
      await suite.appendTexts(topic, p, [`marker${p}`]);
      await opened.got.text(`marker${p}`);
    }
    for (const p of PARTITIONS) expect(opened.got.offsets(p).slice(0, -1)).toEqual(offsets[p]);
    expect(deliveredWhilePaused).toBe(0);
  });

  test("pausing one partition from another's delivery holds at once", async () => {
    const topic = await suite.topic(2);
    let reader: LogReader | undefined;
    let first: number | undefined;
    const opened = await suite.reader(topic, {
      onRecords([record]: readonly LogRecord[]) {
        first ??= record?.partition ?? -1;
        reader?.pause(topic, 1 - first); // who delivers first silences the other
      },
    });
    reader = opened.reader;
    const { got } = opened;
    for (const p of [0, 1]) await reader.start(topic, p, "earliest");
    await Promise.all([0, 1].map((p) => suite.appendTexts(topic, p, numbered(`p${p}-`, 500))));
    await got.until(() => first !== undefined);
    const [loud, silent] = first === 0 ? [0, 1] : [1, 0];
    await suite.letTimePass(topic, loud, got);
    expect(got.texts(silent)).toEqual([]);

    first = silent; // from here on the other one is silenced
    reader.resume(topic, silent);
    await got.text(`p${silent}-499`);
    expect(got.texts(silent)).toEqual(numbered(`p${silent}-`, 500));
  });

  test("starting again while records flow begins one new run, and nothing of the old one follows", async () => {
    const topic = await suite.topic(PARTITIONS.length);
    const { reader, got } = await suite.reader(topic);
    for (const p of PARTITIONS) await reader.start(topic, p, "earliest");
    const flowing = flow(topic);
    await got.count(TOTAL / 4);
    for (const p of PARTITIONS) await reader.start(topic, p, "earliest");
    const offsets = await flowing;
    for (const p of PARTITIONS) {
      await suite.appendTexts(topic, p, [`marker${p}`]);
      await got.text(`marker${p}`);
    }
    for (const p of PARTITIONS) {
      const seen = got.offsets(p).slice(0, -1);
      const again = seen.lastIndexOf(offsets[p]?.[0] ?? -1);
      expect(seen.slice(again)).toEqual(offsets[p]);
      expect(seen.slice(0, again)).toEqual(offsets[p]?.slice(0, again));
    }
  });

  test("closing the reader from one delivery holds at once for every partition", async () => {
    const topic = await suite.topic(PARTITIONS.length);
    let reader: LogReader | undefined;
    let deliveries = 0;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const opened = await suite.reader(topic, {
      onRecords() {
        deliveries++;
        void reader?.close().then(resolve);
      },
    });
    reader = opened.reader;
    const other = await suite.reader(topic);
    for (const p of PARTITIONS) {
      await reader.start(topic, p, "earliest");
      await other.reader.start(topic, p, "earliest");
    }
    await flow(topic);
    await closed;
    await other.got.count(TOTAL);
    await suite.letTimePass(topic, 0, other.got);
    expect(deliveries).toBe(1);
  });

  test("starting one partition again from another's delivery ends its old run", async () => {
    const topic = await suite.topic(2);
    let reader: LogReader | undefined;
    let again: Promise<number> | undefined;
    let startedAgainAt = -1;
    const opened = await suite.reader(topic, {
      onRecords([record]: readonly LogRecord[]) {
        if (record?.partition !== 0 || again !== undefined || reader === undefined) return;
        again = reader.start(topic, 1, "earliest");
        void again.then(() => {
          startedAgainAt = opened.got.offsets(1).length;
        });
      },
    });
    reader = opened.reader;
    const { got } = opened;
    for (const p of [0, 1]) await reader.start(topic, p, "earliest");
    const offsets = await Promise.all([0, 1].map((p) => suite.appendTexts(topic, p, numbered("r", 500))));
    await got.until(() => again !== undefined);
    await again;
    await suite.appendTexts(topic, 1, ["marker"]);
    await got.text("marker");
    const seen = got.offsets(1).slice(0, -1);
    const run = seen.lastIndexOf(offsets[1]?.[0] ?? -1);
    expect(seen.slice(run)).toEqual(offsets[1]);
    expect(seen.slice(0, run)).toEqual(offsets[1]?.slice(0, run));
    expect(run).toBeLessThanOrEqual(startedAgainAt);
  });

  test("latest taken while records flow misses nothing from the offset it told", async () => {
    const topic = await suite.topic(PARTITIONS.length);
    const { reader, got } = await suite.reader(topic);
    const flowing = flow(topic);
    const started: number[] = [];
    for (const p of PARTITIONS) started.push(await reader.start(topic, p, "latest"));
    const offsets = await flowing;
    for (const p of PARTITIONS) {
      await suite.appendTexts(topic, p, [`marker${p}`]);
      await got.text(`marker${p}`);
      const from = started[p] ?? -1;
      expect(got.offsets(p).slice(0, -1)).toEqual(offsets[p]?.filter((offset) => offset >= from));
    }
  });
}
