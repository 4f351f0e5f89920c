import { expect, test } from "vitest";
import { numbered, type SuiteContext } from "./context.ts";

export function startPromises(suite: SuiteContext): void {
  test("each partition begins where the opening says, and the others are not started", async () => {
    const topic = await suite.topic(4);
    for (const partition of [0, 1, 2, 3]) await suite.appendTexts(topic, partition, numbered("r", 10));
    const { got } = await suite.reader(topic, {
      start: [
        { topic, partition: 0, from: "earliest" },
        { topic, partition: 1, from: 4 },
        { topic, partition: 2, from: "latest" },
      ],
    });
    for (const partition of [3, 2, 1, 0]) {
      await suite.appendTexts(topic, partition, [`end${partition}`]);
      if (partition !== 3) await got.text(`end${partition}`);
    }
    const all = numbered("r", 10);
    expect(got.texts(0)).toEqual([...all, "end0"]);
    expect(got.texts(1)).toEqual([...all.slice(4), "end1"]);
    expect(got.texts(2)).toEqual(["end2"]);
    expect(got.texts(3)).toEqual([]);
  });

  test("what began at the opening is paused, resumed and started again like any other", async () => {
    const topic = await suite.topic(2);
    await suite.appendTexts(topic, 0, numbered("r", 3));
    const { reader, got } = await suite.reader(topic, {
      start: [0, 1].map((partition) => ({ topic, partition, from: "earliest" as const })),
    });
    await got.text("r2");
    reader.pause(topic, 0);
    await suite.appendTexts(topic, 0, ["later"]);
    await suite.letTimePass(topic, 1, got);
    expect(got.texts(0)).toEqual(numbered("r", 3));
    reader.resume(topic, 0);
    await got.text("later");
    await reader.start(topic, 0, 2);
    await got.until(() => got.texts(0).length === 6);
    expect(got.texts(0)).toEqual([...numbered("r", 3), "later", "r2", "later"]);
  });

  test("an opening that names what it does not read is refused", async () => {
    const [topic, other] = [await suite.topic(), await suite.topic()];
    const opening = suite.reader(topic, { start: [{ topic: other, partition: 0, from: "earliest" }] });
    await expect(opening).rejects.toThrow(RangeError);
  });
}
