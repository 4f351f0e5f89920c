import { expect, test } from "vitest";
import type { CommitOutcome } from "../session.ts";
import { numbered, type SuiteContext, textRecord } from "./context.ts";

/** Records in commits: where they land, who sees them when, and that they share their commit's fate. */
export function commitPromises(suite: SuiteContext): void {
  test("records land in order at the offsets told, over topics and partitions, beside what others append", async () => {
    const { open } = await suite.service();
    const session = await open();
    const [a, b] = [await suite.topic(2), await suite.topic(1)];
    await suite.appendTexts(a, 1, ["before"]);
    const places = [
      [a, 1],
      [b, 0],
      [a, 0],
      [a, 1],
      [b, 0],
      [a, 1],
    ] as const;
    const expected: string[] = [];
    for (let round = 0; round < 3; round++) {
      const records = places.map(([topic, partition], i) => textRecord(topic, partition, `${round}.${i}`));
      const outcome = await session.commit({ records });
      const offsets = outcome.kind === "committed" ? outcome.offsets : expect.unreachable(outcome.kind);
      for (const [i, { topic, partition, value }] of records.entries()) {
        expected.push(`${topic}/${partition}@${offsets[i]}:${value}`);
      }
      await suite.appendTexts(a, 0, [`between${round}`]);
    }
    for (const [topic, partitions] of [
      [a, [0, 1]],
      [b, [0]],
    ] as const) {
      const { reader, got } = await suite.reader(topic);
      for (const partition of partitions) {
        await reader.start(topic, partition, "earliest");
        await suite.appendTexts(topic, partition, [`end${partition}`]);
        await got.text(`end${partition}`);
        const read = got.records
          .filter((record) => record.partition === partition)
          .map(({ offset, value }) => `${topic}/${partition}@${offset}:${value}`)
          .filter((line) => !/:(before|between\d|end\d)$/.test(line));
        expect(read).toEqual(expected.filter((line) => line.startsWith(`${topic}/${partition}@`)));
      }
    }
  });

  test("progress and records are committed together", async () => {
    const { open, progress } = await suite.service();
    const session = await open();
    const topic = await suite.topic();
    const { got } = await suite.reader(topic, { start: [{ topic, partition: 0, from: "earliest" }] });
    const done = { lane: 0, offset: 4, metadata: "four" };
    const outcome = await session.commit({ progress: [done], records: [textRecord(topic, 0, "four")] });
    expect(outcome).toEqual({ kind: "committed", offsets: [0] });
    await open();
    expect(await progress()).toEqual([done]);
    await got.text("four");
  });

  test("a commit that fails in part writes nothing, is the session's last, and holds up committed readers only", async () => {
    const { open, progress } = await suite.service();
    const session = await open();
    const topic = await suite.topic();
    const start = [{ topic, partition: 0, from: "earliest" }] as const;
    const committed = await suite.reader(topic, { start });
    const uncommitted = await suite.reader(topic, { start, isolation: "uncommitted" });
    const outcome: CommitOutcome = await session.commit({
      progress: [{ lane: 0, offset: 4, metadata: "lost" }],
      records: [textRecord(topic, 0, "lost"), textRecord(topic, 7, "there is no such partition")],
    });
    expect(outcome).toMatchObject({ kind: "broken", cause: expect.any(Error) });
    expect(await session.commit({})).toEqual(outcome);
    expect(await session.commit({ records: [textRecord(topic, 0, "late")] })).toEqual(outcome);

    const [after = -1] = await suite.appendTexts(topic, 0, ["after"]);
    await uncommitted.got.text("after");
    expect((await suite.log.rangesOf(topic))[0]?.high).toBe(after + 1);

    await open(); // settles it
    await committed.got.text("after");
    expect(committed.got.texts()).toEqual(["after"]);
    expect(await progress()).toEqual([]);
  });

  test("a record that is too large is refused before anything is written, and the session goes on", async () => {
    const { open, progress } = await suite.service();
    const session = await open();
    const topic = await suite.topic();
    const large = "x".repeat(Math.ceil(suite.features.maxRecordBytes * 1.1));
    const work = {
      progress: [{ lane: 0, offset: 4, metadata: "lost" }],
      records: [textRecord(topic, 0, "lost"), textRecord(topic, 0, large)],
    };
    await expect(session.commit(work)).rejects.toMatchObject({ code: "SHARDCAST_BODY_TOO_LARGE" });
    const outcome = await session.commit({ records: [textRecord(topic, 0, "kept")] });
    expect(outcome).toEqual({ kind: "committed", offsets: [0] });
    await open();
    expect(await progress()).toEqual([]);
  });

  test("records that each fit are committed, however large they are together", async () => {
    const { open } = await suite.service();
    const session = await open();
    const topic = await suite.topic(2);
    const bytes = Math.floor(suite.features.maxRecordBytes * 0.4);
    const texts = numbered("r", 12).map((name) => name.padEnd(bytes, "."));
    const records = texts.map((text, i) => textRecord(topic, i % 2, text));
    const outcome = await session.commit({ records });
    expect(outcome).toEqual({ kind: "committed", offsets: texts.map((_, i) => Math.floor(i / 2)) });
    const { reader, got } = await suite.reader(topic);
    for (const partition of [0, 1]) await reader.start(topic, partition, "earliest");
    await got.count(texts.length);
    for (const partition of [0, 1]) {
      expect(got.texts(partition)).toEqual(texts.filter((_, i) => i % 2 === partition));
    }
  });
}
