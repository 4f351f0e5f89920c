import { expect, test } from "vitest";
import { numbered, type SuiteContext } from "./context.ts";

export function persistencePromises(suite: SuiteContext): void {
  test("records and progress outlive the connection that wrote them", async () => {
    const topic = await suite.topic();
    const options = { service: `s-${topic}`, member: "0", topic };
    const writer = await suite.open();
    const offsets = await suite.appendTexts(topic, 0, numbered("r", 10), writer);
    const older = await writer.openSession(options);
    await older.commit({ progress: [{ lane: 0, offset: 6, metadata: "six" }] });
    await writer.close();

    const next = await suite.open();
    await next.openSession(options);
    const progress = (await next.progressOf(options.service, topic)).get(0) ?? expect.unreachable();
    expect(progress).toEqual({ lane: 0, offset: 6, metadata: "six" });
    const { reader, got } = await suite.reader(topic, { log: next });
    await reader.start(topic, 0, progress.offset);
    await got.text("r9");
    expect(got.offsets()).toEqual(offsets.filter((one) => one >= 6));
  });
}
