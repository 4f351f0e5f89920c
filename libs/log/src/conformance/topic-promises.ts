import { isShardcastError } from "@shardcast/protocol";
import { expect, test } from "vitest";
import type { SuiteContext } from "./context.ts";

export function topicPromises(suite: SuiteContext): void {
  test("a missing topic is created with its partitions", async () => {
    const spec = suite.spec(5);
    expect(await suite.log.partitionsOf(spec.name)).toBeUndefined();
    await suite.log.ensureTopics([spec]);
    expect(await suite.log.partitionsOf(spec.name)).toBe(5);
  });

  test("a created topic is seen by other connections", async () => {
    const other = await suite.open();
    const topic = await suite.topic(3);
    expect(await other.partitionsOf(topic)).toBe(3);
  });

  test("ensuring a topic that fits changes nothing, for every cleanup policy", async () => {
    const specs = (["delete", "compact", "compact,delete"] as const).map((cleanup) => suite.spec(2, cleanup));
    await suite.log.ensureTopics(specs);
    await suite.log.ensureTopics(specs);
    for (const { name } of specs) expect(await suite.log.partitionsOf(name)).toBe(2);
  });

  test("ensuring a topic again keeps its records", async () => {
    const spec = suite.spec(1);
    await suite.log.ensureTopics([spec]);
    await suite.appendTexts(spec.name, 0, ["kept"]);
    await suite.log.ensureTopics([spec]);
    const { reader, got } = await suite.reader(spec.name);
    await reader.start(spec.name, 0, "earliest");
    await suite.appendTexts(spec.name, 0, ["marker"]);
    await got.text("marker");
    expect(got.texts()).toEqual(["kept", "marker"]);
  });

  test("retention is set at creation and not compared afterwards", async () => {
    const spec = suite.spec(1);
    await suite.log.ensureTopics([{ ...spec, retentionMs: 3_600_000 }]);
    await suite.log.ensureTopics([{ ...spec, retentionMs: 7_200_000 }]);
  });

  test("many connections may ensure the same topics at once", async () => {
    const specs = [suite.spec(3), suite.spec(4, "compact")];
    const logs = [suite.log, await suite.open(), await suite.open()];
    await Promise.all([...logs, ...logs].map((log) => log.ensureTopics(specs)));
    for (const { name, partitions } of specs) expect(await suite.log.partitionsOf(name)).toBe(partitions);
  });

  test("topics of another shape are refused, naming all that differ", async () => {
    const [fewer, compacted, right] = [suite.spec(2), suite.spec(1, "compact"), suite.spec(1)];
    await suite.log.ensureTopics([fewer, compacted, right]);

    const wanted = [{ ...fewer, partitions: 3 }, { ...compacted, cleanup: "delete" as const }, right];
    const error = await suite.log.ensureTopics(wanted).catch((thrown: unknown) => thrown);

    expect(isShardcastError(error) && error.code).toBe("SHARDCAST_TOPIC_MISMATCH");
    const { message } = error as Error;
    expect(message).toContain(fewer.name);
    expect(message).toMatch(/partition/);
    expect(message).toContain(compacted.name);
    expect(message).toMatch(/cleanup/);
    expect(message).not.toContain(right.name);
    expect(await suite.log.partitionsOf(fewer.name)).toBe(2);
  });

  test("a topic that differs in partitions and in cleanup has both named", async () => {
    const spec = suite.spec(2);
    await suite.log.ensureTopics([spec]);
    await expect(
      suite.log.ensureTopics([{ ...spec, partitions: 4, cleanup: "compact" }]),
    ).rejects.toMatchObject({
      code: "SHARDCAST_TOPIC_MISMATCH",
      message: expect.stringMatching(/partition.*cleanup|cleanup.*partition/s),
    });
  });

  test("ranges are told by partition, and count what was appended", async () => {
    const topic = await suite.topic(3);
    expect(await suite.log.rangesOf(topic)).toEqual(Array(3).fill({ low: 0, high: 0 }));
    await suite.appendTexts(topic, 2, ["a", "b"]);
    await suite.appendTexts(topic, 0, ["c"]);
    for (const log of [suite.log, await suite.open()]) {
      expect((await log.rangesOf(topic)).map(({ low, high }) => [low, high])).toEqual([
        [0, 1],
        [0, 0],
        [0, 2],
      ]);
    }
  });

  test("the ranges of a topic that is not there are refused, and nothing is created", async () => {
    const missing = suite.fixture.topicName();
    await expect(suite.log.rangesOf(missing)).rejects.toMatchObject({ code: "SHARDCAST_LOG_REFUSED" });
    expect(await suite.log.partitionsOf(missing)).toBeUndefined();
  });
}
