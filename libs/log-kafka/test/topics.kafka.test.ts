import { javaAvailable } from "@shardcast/infra-kafka";
import type { TopicSpec } from "@shardcast/protocol";
import { beforeAll, describe, expect, inject, test } from "vitest";
import {
  appendTexts,
  makeTopic,
  openLog,
  openReading,
  readAll,
  TOPIC_COMMAND,
  textRecord,
  tool,
  topicName,
} from "./support/kafka.ts";

// Java's tools are the stranger here.
describe.skipIf(!(await javaAvailable()))("topics, as Kafka's own tools see them", () => {
  let brokers: string[];
  beforeAll(() => {
    brokers = inject("kafkaBrokers");
  });
  const topicTool = (...args: string[]) => tool(TOPIC_COMMAND, brokers[0], args);
  const refused = { code: "SHARDCAST_LOG_REFUSED" };

  test("are created with their partitions, cleanup policy and retention", async () => {
    const { log } = openLog(brokers);
    const specs: TopicSpec[] = [
      { name: topicName(), partitions: 3, cleanup: "compact,delete", retentionMs: 86_400_000 },
      { name: topicName(), partitions: 1, cleanup: "compact" },
      { name: topicName(), partitions: 5, cleanup: "delete", retentionMs: 60_000 },
    ];
    await log.ensureTopics(specs);
    const described = await topicTool("--describe", "--topic", specs.map(({ name }) => name).join("|"));
    for (const { name, partitions, cleanup, retentionMs } of specs) {
      const line = described.split("\n").find((each) => each.startsWith(`Topic: ${name}\t`)) ?? "";
      expect(line).toContain(`PartitionCount: ${partitions}\t`);
      expect(line).toContain(`cleanup.policy=${cleanup}`);
      if (retentionMs === undefined) expect(line).not.toContain("retention.ms");
      else expect(line).toContain(`retention.ms=${retentionMs}`);
    }
    await log.ensureTopics(specs); // finds nothing to complain about
  });

  test("are created with segments that compaction can begin with soon, where they are to have them", async () => {
    const { log } = openLog(brokers);
    const short = { segmentMs: 300_000, segmentBytes: 4_194_304, minCompactionLagMs: 60_000 };
    const compacted: TopicSpec = { name: topicName(), partitions: 1, cleanup: "compact", ...short };
    const deleted: TopicSpec = { name: topicName(), partitions: 1, cleanup: "delete", segmentMs: 300_000 };
    await log.ensureTopics([compacted, deleted]);
    const described = await topicTool("--describe", "--topic", `${compacted.name}|${deleted.name}`);
    const lineOf = ({ name }: TopicSpec) =>
      described.split("\n").find((each) => each.startsWith(`Topic: ${name}\t`)) ?? "";
    expect(lineOf(compacted)).toContain("segment.ms=300000");
    expect(lineOf(compacted)).toContain("segment.bytes=4194304");
    expect(lineOf(compacted)).toContain("min.compaction.lag.ms=60000");
    expect(lineOf(compacted)).toContain("min.cleanable.dirty.ratio=0.1");
    expect(lineOf(deleted)).toContain("segment.ms=300000");
    expect(lineOf(deleted)).not.toContain("dirty");
    await log.ensureTopics([{ ...compacted, segmentMs: 1, segmentBytes: 1, minCompactionLagMs: 1 }]); // not compared
  });

  test("that differ are named, each with what differs, and what is missing beside them is created", async () => {
    const { log } = openLog(brokers);
    const [taken, missing] = [topicName(), topicName()];
    await topicTool("--create", "--topic", taken, "--partitions", "2", "--config", "cleanup.policy=compact");
    const ensured = log.ensureTopics([
      { name: taken, partitions: 3, cleanup: "delete" },
      { name: missing, partitions: 1, cleanup: "delete" },
    ]);
    const faults = [
      `topic ${taken} has 2 partitions, not 3`,
      `topic ${taken} has cleanup policy compact, not delete`,
    ];
    await expect(ensured).rejects.toMatchObject({ code: "SHARDCAST_TOPIC_MISMATCH", extensions: { faults } });
    expect(await log.partitionsOf(missing)).toBe(1);
    expect(await log.partitionsOf(taken)).toBe(2);
  });

  test("that the broker does not want are refused with its reason", async () => {
    const { log } = openLog(brokers, { replicationFactor: 7 });
    const [name, worse] = [topicName(), "not a name"];
    await expect(log.ensureTopics([{ name, partitions: 1, cleanup: "delete" }])).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining(name),
    });
    await expect(log.ensureTopics([{ name: worse, partitions: 1, cleanup: "delete" }])).rejects.toMatchObject(
      refused,
    );
  });

  test("deleted meanwhile: calls say so, those for other topics go on, and it can come back", async () => {
    const { log } = openLog(brokers);
    const [topic, other] = [await makeTopic(log), await makeTopic(log)];
    await appendTexts(log, topic, 0, ["before"]);
    const { reader } = await openReading(log, topic);
    await topicTool("--delete", "--topic", topic);

    // sent together, and before the driver knows
    const append = (name: string, text: string) => log.append(textRecord(name, 0, text));
    const outcomes = await Promise.allSettled([append(other, "a"), append(topic, "x"), append(other, "b")]);
    expect(outcomes).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: refused },
      { status: "fulfilled" },
    ]);
    await expect(append(topic, "y")).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining(topic),
    });
    await expect(reader.start(topic, 0, "earliest")).rejects.toMatchObject(refused);
    expect(await log.partitionsOf(topic)).toBeUndefined();
    expect(await readAll(log, other)).toEqual(["a", "b"]);

    await log.ensureTopics([{ name: topic, partitions: 1, cleanup: "delete" }]);
    expect(await append(topic, "again")).toEqual({ offset: 0 });
  });

  test("a record that its topic refuses fails alone, and nothing sent with it is written twice", async () => {
    const { log } = openLog(brokers);
    const [narrow, wide] = [topicName(), await makeTopic(log, 2)];
    await topicTool("--create", "--topic", narrow, "--partitions", "1", "--config", "max.message.bytes=2000");
    // Both leaders are known from here on, so that what follows goes in one request.
    for (const topic of [wide, narrow]) await appendTexts(log, topic, 0, ["first"]);
    const big = "x".repeat(10_000);
    const outcomes = await Promise.allSettled([
      ...["a", "b"].map((text) => log.append(textRecord(wide, 0, text))),
      ...["c", big, "d"].map((text) => log.append(textRecord(narrow, 0, text))),
      ...["e", "f"].map((text) => log.append(textRecord(wide, 1, text))),
    ]);
    const tooLarge = { status: "rejected", reason: { code: "SHARDCAST_BODY_TOO_LARGE" } };
    const at = (offset: number) => ({ status: "fulfilled", value: { offset } });
    expect(outcomes).toMatchObject([at(1), at(2), at(1), tooLarge, at(2), at(0), at(1)]);
    expect(await readAll(log, wide, 0)).toEqual(["first", "a", "b"]);
    expect(await readAll(log, wide, 1)).toEqual(["e", "f"]);
    expect(await readAll(log, narrow)).toEqual(["first", "c", "d"]);
  });

  test("a record without a key is refused by a compacted topic, not called an outage", async () => {
    const { log } = openLog(brokers);
    const name = topicName();
    await log.ensureTopics([{ name, partitions: 1, cleanup: "compact" }]);
    const keyless = { ...textRecord(name, 0, "x"), key: null };
    const outcomes = await Promise.allSettled([log.append(textRecord(name, 0, "kept")), log.append(keyless)]);
    expect(outcomes).toMatchObject([{ status: "fulfilled" }, { status: "rejected", reason: refused }]);
    expect(await readAll(log, name)).toEqual(["kept"]);
  });
});
