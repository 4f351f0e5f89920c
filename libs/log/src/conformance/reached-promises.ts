import { expect, test } from "vitest";
import { numbered, type SuiteContext, textRecord } from "./context.ts";

const CLOSED = { code: "SHARDCAST_CLOSED" };

export function reachedPromises(suite: SuiteContext): void {
  async function highOf(topic: string): Promise<number> {
    return (await suite.log.rangesOf(topic))[0]?.high ?? expect.unreachable();
  }

  test("resolves when everything below the offset was delivered, and at once where it already is", async () => {
    const topic = await suite.topic();
    const texts = numbered("r", 500);
    await suite.appendTexts(topic, 0, texts);
    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    const half = reader.reached(topic, 0, 250).then(() => got.records.length);
    await reader.reached(topic, 0, await highOf(topic));
    expect(got.texts()).toEqual(texts);
    expect(await half).toBeGreaterThanOrEqual(250);
    await reader.reached(topic, 0, 500);
    await reader.reached(topic, 0, 0);
  });

  test("resolves at once on a partition without records, and with the start beyond the offset", async () => {
    const topic = await suite.topic();
    const { reader } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    await reader.reached(topic, 0, await highOf(topic));
    await suite.appendTexts(topic, 0, numbered("r", 5));
    const waiting = reader.reached(topic, 0, 5);
    await reader.start(topic, 0, "latest");
    await waiting;
  });

  test("waits for what is appended later, and for no more than that", async () => {
    const topic = await suite.topic();
    const { reader, got } = await suite.reader(topic);
    await reader.start(topic, 0, "latest");
    let reached = false;
    const waiting = reader.reached(topic, 0, 2).then(() => {
      reached = true;
    });
    await suite.appendTexts(topic, 0, ["a"]);
    await got.text("a");
    expect(reached).toBe(false);
    await suite.appendTexts(topic, 0, ["b"]);
    await waiting;
    expect(got.texts()).toEqual(["a", "b"]);
  });

  test.each(["committed", "uncommitted"] as const)(
    "resolves for a reader of what is %s wherever it starts, although the log ends with a commit, or one given up",
    async (isolation) => {
      const { open } = await suite.service();
      const topic = await suite.topic();
      const { reader, got } = await suite.reader(topic, { isolation });
      /** From each offset there is: a driver may keep what ends a commit at offsets of its own. */
      async function reachFromEverywhere(): Promise<void> {
        const high = await highOf(topic);
        for (let from = high; from >= 0; from--) {
          got.records.length = 0;
          await reader.start(topic, 0, from);
          await reader.reached(topic, 0, high);
        }
      }
      const session = await open();
      const written = await session.commit({ records: [textRecord(topic, 0, "kept")] });
      expect(written).toEqual({ kind: "committed", offsets: [0] });
      expect((await session.commit({})).kind).toBe("committed"); // what ends the first commit is on the log
      await reachFromEverywhere();
      expect(got.texts()).toEqual(["kept"]);

      const failing = [textRecord(topic, 0, "lost"), textRecord(topic, 7, "no such partition")];
      expect((await session.commit({ records: failing })).kind).toBe("broken");
      await open();
      await reachFromEverywhere();
      expect(got.texts().filter((text) => isolation === "committed" || text !== "lost")).toEqual(["kept"]);
    },
  );

  test("a partition that is not started is not waited for", async () => {
    const topic = await suite.topic(2);
    const { reader } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    await expect(reader.reached(topic, 1, 0)).rejects.toThrow(RangeError);
  });

  test("closing the reader ends the waiting", async () => {
    const topic = await suite.topic();
    const { reader } = await suite.reader(topic);
    await reader.start(topic, 0, "earliest");
    const waiting = expect(reader.reached(topic, 0, 1)).rejects.toMatchObject(CLOSED);
    await reader.close();
    await waiting;
    await expect(reader.reached(topic, 0, 1)).rejects.toMatchObject(CLOSED);
  });
}
