import { expect, test } from "vitest";
import { numbered, type SuiteContext, textRecord } from "./context.ts";

export function closePromises(suite: SuiteContext): void {
  test("what was appended before close is sent, also what was not waited for", async () => {
    const topic = await suite.topic();
    const log = await suite.open();
    const texts = numbered("r", 200);
    const appended = suite.appendTexts(topic, 0, texts, log);
    await log.close();
    const offsets = await appended;
    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    await got.count(200);
    expect(got.texts()).toEqual(texts);
    expect(got.offsets()).toEqual(offsets);
  });

  test("appending after close is refused", async () => {
    const topic = await suite.topic();
    const log = await suite.open();
    const closing = log.close();
    await expect(log.append(textRecord(topic, 0, "while closing"))).rejects.toMatchObject({
      code: "SHARDCAST_CLOSED",
    });
    await closing;
    await expect(log.append(textRecord(topic, 0, "late"))).rejects.toMatchObject({
      code: "SHARDCAST_CLOSED",
    });
  });

  test("closing twice, also at once, is as good as once", async () => {
    const log = await suite.open();
    await Promise.all([log.close(), log.close()]);
    await log.close();
  });

  test("closing a reader ends delivery, and twice is as good as once", async () => {
    const topic = await suite.topic();
    const closed = await suite.reader(topic);
    const other = await suite.reader(topic);
    for (const { reader } of [closed, other]) await reader.start(topic, 0, "earliest");
    await suite.appendTexts(topic, 0, ["before"]);
    await closed.got.text("before");
    await Promise.all([closed.reader.close(), closed.reader.close()]);
    await closed.reader.close();
    await suite.letTimePass(topic, 0, other.got);
    expect(closed.got.texts()).toEqual(["before"]);
  });

  test("closing the log closes its readers and sessions", async () => {
    const topic = await suite.topic();
    const log = await suite.open();
    const { reader, got } = await suite.reader(topic, { log });
    const session = await log.openSession({ service: `s-${topic}`, member: "0", topic });
    const other = await suite.reader(topic);
    for (const one of [reader, other.reader]) await one.start(topic, 0, "earliest");
    await suite.appendTexts(topic, 0, ["before"]);
    await got.text("before");
    await log.close();
    await suite.letTimePass(topic, 0, other.got);
    expect(got.texts()).toEqual(["before"]);
    await expect(session.commit({})).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await reader.close();
    await session.close();
  });

  test("a closed log opens nothing", async () => {
    const topic = await suite.topic();
    const log = await suite.open();
    await log.close();
    const closed = { code: "SHARDCAST_CLOSED" };
    await expect(log.openReader({ topics: [topic], onRecords() {} })).rejects.toMatchObject(closed);
    await expect(log.openSession({ service: "s", member: "0", topic })).rejects.toMatchObject(closed);
    await expect(log.rangesOf(topic)).rejects.toMatchObject(closed);
    await expect(log.progressOf("s", topic)).rejects.toMatchObject(closed);
  });

  test("closing the log while a commit is under way leaves it whole or undone", async () => {
    const { topic, open, progress } = await suite.service();
    const log = await suite.open();
    const session = await open("0", log);
    await session.commit({});
    const { high } = (await suite.log.rangesOf(topic))[0] ?? expect.unreachable();
    const work = {
      progress: [{ lane: 0, offset: 5, metadata: "" }],
      records: [textRecord(topic, 0, "five")],
    };
    const committing = Promise.allSettled([session.commit(work)]);
    await log.close();
    const [outcome] = await committing;
    await open();
    const { got } = await suite.reader(topic, { start: [{ topic, partition: 0, from: high }] });
    await suite.appendTexts(topic, 0, ["end"]);
    await got.text("end");
    const isWhole = (await progress()).length > 0;
    expect(got.texts()).toEqual(isWhole ? ["five", "end"] : ["end"]);
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "SHARDCAST_CLOSED" });
    else expect(outcome.value.kind).toBeOneOf(isWhole ? ["committed", "broken"] : ["broken"]);
  });

  test("closing one connection leaves others alone", async () => {
    const topic = await suite.topic();
    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    await (await suite.open()).close();
    await suite.appendTexts(topic, 0, ["still here"]);
    await got.text("still here");
    expect(suite.log.available).toBe(true);
  });
}
