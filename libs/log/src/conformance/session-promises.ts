import { expect, test } from "vitest";
import { MAX_METADATA_BYTES } from "../session.ts";
import { numbered, type SuiteContext } from "./context.ts";

const COMMITTED = { kind: "committed", offsets: [] };
/** All of printable ASCII, over and over. */
const METADATA = Array.from({ length: MAX_METADATA_BYTES }, (_, i) =>
  String.fromCharCode(32 + (i % 95)),
).join("");

/** Progress: what is committed of it, and what never is. What is read back is settled by the next session first. */
export function sessionPromises(suite: SuiteContext): void {
  test("a service that nobody committed has no progress", async () => {
    const { open, progress } = await suite.service(2);
    await open();
    expect(await progress()).toEqual([]);
  });

  test("what is committed is what everybody is told, metadata of the full size included", async () => {
    const { open, progress } = await suite.service(3);
    const session = await open();
    const committed = [
      { lane: 0, offset: 7, metadata: METADATA },
      { lane: 2, offset: 3, metadata: "" },
    ];
    expect(await session.commit({ progress: committed })).toEqual(COMMITTED);
    await open();
    for (const log of [suite.log, await suite.open()]) expect(await progress(log)).toEqual(committed);
  });

  test("progress belongs to the service: members commit side by side, and over one another", async () => {
    const { open, progress } = await suite.service(2);
    const [zero, one] = [await open("0"), await open("1")];
    await zero.commit({ progress: [{ lane: 0, offset: 4, metadata: "zero" }] });
    await one.commit({ progress: [{ lane: 1, offset: 5, metadata: "one" }] });
    await open("0");
    await one.commit({ progress: [{ lane: 0, offset: 6, metadata: "over" }] });
    await open("1");
    expect(await progress()).toEqual([
      { lane: 0, offset: 6, metadata: "over" },
      { lane: 1, offset: 5, metadata: "one" },
    ]);
  });

  test("progress of services is kept apart", async () => {
    const { topic, service, open } = await suite.service();
    const session = await open();
    await session.commit({ progress: [{ lane: 0, offset: 4, metadata: "" }] });
    await open();
    expect([...(await suite.log.progressOf(`another-${service}`, topic))]).toEqual([]);
  });

  test("the progress of many lanes is committed together", async () => {
    const { open, progress } = await suite.service(16);
    const session = await open();
    const lanes = Array.from({ length: 16 }, (_, lane) => ({
      lane,
      offset: lane % 10,
      metadata: `m${lane}`,
    }));
    expect(await session.commit({ progress: lanes })).toEqual(COMMITTED);
    await open();
    expect(await progress()).toEqual(lanes);
  });

  test.each([
    ["metadata over the limit", { lane: 1, offset: 5, metadata: `${METADATA}x` }],
    ["metadata that is not ASCII", { lane: 1, offset: 5, metadata: "größe" }],
    ["a negative offset", { lane: 1, offset: -1, metadata: "" }],
    ["half an offset", { lane: 1, offset: 0.5, metadata: "" }],
  ])("a commit with %s is refused whole, and the session goes on", async (_, wrong) => {
    const { open, progress } = await suite.service(2);
    const session = await open();
    const right = { lane: 0, offset: 5, metadata: "" };
    await expect(session.commit({ progress: [right, wrong] })).rejects.toThrow(RangeError);
    const after = { lane: 1, offset: 6, metadata: "" };
    expect(await session.commit({ progress: [after] })).toEqual(COMMITTED);
    await open();
    expect(await progress()).toEqual([after]);
  });

  test("commits made without waiting for each are done in the order of the calls", async () => {
    const { open, progress } = await suite.service();
    const session = await open();
    const done: number[] = [];
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const outcome = await session.commit({ progress: [{ lane: 0, offset: i % 10, metadata: `${i}` }] });
        done.push(i);
        return outcome;
      }),
    );
    expect(outcomes).toEqual(Array(20).fill(COMMITTED));
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    await open();
    expect(await progress()).toEqual([{ lane: 0, offset: 9, metadata: "19" }]);
  });

  test("a caller that goes on counting does not change a commit that waits for its turn", async () => {
    const { open, progress } = await suite.service();
    const session = await open();
    const counting = { lane: 0, offset: 3, metadata: "three" };
    const work = [counting];
    const first = session.commit({});
    const second = session.commit({ progress: work });
    counting.offset = 9;
    work.length = 0;
    expect(await Promise.all([first, second])).toEqual([COMMITTED, COMMITTED]);
    await open();
    expect(await progress()).toEqual([{ lane: 0, offset: 3, metadata: "three" }]);
  });

  test("empty work commits", async () => {
    const { open, progress } = await suite.service();
    const session = await open();
    expect(await session.commit({})).toEqual(COMMITTED);
    expect(await session.commit({ progress: [], records: [] })).toEqual(COMMITTED);
    await open();
    expect(await progress()).toEqual([]);
  });

  test("closing a session commits nothing, twice is as good as once, and later commits are refused", async () => {
    const { open, progress } = await suite.service();
    const session = await open();
    await session.commit({ progress: [{ lane: 0, offset: 2, metadata: "" }] });
    await Promise.all([session.close(), session.close()]);
    await session.close();
    await expect(session.commit({ progress: [{ lane: 0, offset: 3, metadata: "" }] })).rejects.toMatchObject({
      code: "SHARDCAST_CLOSED",
    });
    await open();
    expect(await progress()).toEqual([{ lane: 0, offset: 2, metadata: "" }]);
  });

  test("the progress of a topic that is not there is refused", async () => {
    const missing = suite.fixture.topicName();
    const asked = suite.log.progressOf("s", missing);
    await expect(asked).rejects.toMatchObject({ code: "SHARDCAST_LOG_REFUSED" });
  });

  test("a commit that begins after another has resolved shows nothing before the other is visible", async () => {
    const { topic, service, open } = await suite.service();
    const records = await suite.topic();
    const { got } = await suite.reader(records, {
      isolation: "uncommitted",
      start: [{ topic: records, partition: 0, from: "earliest" }],
    });
    const session = await open();
    const other = await suite.open();
    for (const [i, text] of numbered("n", 200).entries()) {
      expect(await session.commit({ progress: [{ lane: 0, offset: i, metadata: text }] })).toEqual(COMMITTED);
      const committing = session.commit({
        records: [{ topic: records, partition: 0, key: null, value: Buffer.from(text), headers: {} }],
      });
      await got.text(text); // as early as it can be seen
      expect((await other.progressOf(service, topic)).get(0)).toEqual({ lane: 0, offset: i, metadata: text });
      expect(await committing).toMatchObject({ kind: "committed" });
    }
  });
}
