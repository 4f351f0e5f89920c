import { expect, test } from "vitest";
import { MAX_METADATA_BYTES } from "../session.ts";
import { numbered, type SuiteContext } from "./context.ts";

const COMMITTED = { kind: "committed" };
/** All of printable ASCII, over and over. */
const METADATA = Array.from({ length: MAX_METADATA_BYTES }, (_, i) =>
  String.fromCharCode(32 + (i % 95)),
).join("");

export function sessionPromises(suite: SuiteContext): void {
  /** A service of its own, with so many lanes of ten records each, and sessions of it. */
  async function service(lanes: number) {
    const topic = await suite.topic(lanes);
    for (let lane = 0; lane < lanes; lane++) await suite.appendTexts(topic, lane, numbered("r", 10));
    return { open: (member = "0") => suite.log.openSession({ service: `s-${topic}`, member, topic }) };
  }

  test("taking a lane nobody committed gives its beginning", async () => {
    const { open } = await service(2);
    const session = await open();
    expect(await session.take(1)).toEqual({ lane: 1, offset: 0, metadata: "" });
    await session.close();
  });

  test("what is committed is what the next session takes, metadata of the full size included", async () => {
    const { open } = await service(3);
    const session = await open();
    for (const lane of [0, 1, 2]) await session.take(lane);
    const progress = [
      { lane: 0, offset: 7, metadata: METADATA },
      { lane: 2, offset: 3, metadata: "" },
    ];
    expect(await session.commit(progress)).toEqual(COMMITTED);
    await session.close();

    const next = await open();
    expect(await next.take(0)).toEqual(progress[0]);
    expect(await next.take(1)).toEqual({ lane: 1, offset: 0, metadata: "" });
    expect(await next.take(2)).toEqual(progress[1]);
    await next.close();
  });

  test("progress belongs to the service, so another member takes it over", async () => {
    const { open } = await service(1);
    const [zero, one] = [await open("0"), await open("1")];
    await zero.take(0);
    await zero.commit([{ lane: 0, offset: 4, metadata: "m" }]);
    expect(await one.take(0)).toEqual({ lane: 0, offset: 4, metadata: "m" });
    await Promise.all([zero.close(), one.close()]);
  });

  test("progress of services is kept apart", async () => {
    const topic = await suite.topic();
    const [a, b] = await Promise.all(
      ["a", "b"].map((name) => suite.log.openSession({ service: `${name}-${topic}`, member: "0", topic })),
    );
    await a?.take(0);
    expect(await a?.commit([{ lane: 0, offset: 4, metadata: "" }])).toEqual(COMMITTED);
    expect(await b?.take(0)).toEqual({ lane: 0, offset: 0, metadata: "" });
    await Promise.all([a?.close(), b?.close()]);
  });

  test("the progress of many lanes is committed together", async () => {
    const { open } = await service(16);
    const session = await open();
    const lanes = Array.from({ length: 16 }, (_, lane) => ({
      lane,
      offset: lane % 10,
      metadata: `m${lane}`,
    }));
    for (const { lane } of lanes) await session.take(lane);
    expect(await session.commit(lanes)).toEqual(COMMITTED);
    const next = await open();
    for (const progress of lanes) expect(await next.take(progress.lane)).toEqual(progress);
    await Promise.all([session.close(), next.close()]);
  });

  test("a commit that names a lane not taken is refused whole", async () => {
    const { open } = await service(2);
    const session = await open();
    await session.take(0);
    const progress = [
      { lane: 0, offset: 5, metadata: "" },
      { lane: 1, offset: 5, metadata: "" },
    ];
    await expect(session.commit(progress)).rejects.toThrow(RangeError);
    const next = await open();
    expect((await next.take(0)).offset).toBe(0);
    expect((await next.take(1)).offset).toBe(0);
    await Promise.all([session.close(), next.close()]);
  });

  test("a commit with metadata over the limit is refused whole, and the session goes on", async () => {
    const { open } = await service(2);
    const session = await open();
    for (const lane of [0, 1]) await session.take(lane);
    const progress = [
      { lane: 0, offset: 5, metadata: "" },
      { lane: 1, offset: 5, metadata: `${METADATA}x` },
    ];
    await expect(session.commit(progress)).rejects.toThrow(RangeError);
    expect(await session.commit([{ lane: 1, offset: 6, metadata: "" }])).toEqual(COMMITTED);
    const next = await open();
    expect((await next.take(0)).offset).toBe(0);
    expect((await next.take(1)).offset).toBe(6);
    await Promise.all([session.close(), next.close()]);
  });

  test("commits made without waiting for each are done in the order of the calls", async () => {
    const { open } = await service(1);
    const session = await open();
    await session.take(0);
    const done: number[] = [];
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const outcome = await session.commit([{ lane: 0, offset: i % 10, metadata: `${i}` }]);
        done.push(i);
        return outcome;
      }),
    );
    expect(outcomes).toEqual(Array(20).fill(COMMITTED));
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    const next = await open();
    expect(await next.take(0)).toEqual({ lane: 0, offset: 9, metadata: "19" });
    await Promise.all([session.close(), next.close()]);
  });

  test("a caller that goes on counting does not change a commit that waits for its turn", async () => {
    const { open } = await service(1);
    const session = await open();
    await session.take(0);
    const progress = { lane: 0, offset: 3, metadata: "three" };
    const first = session.commit([]);
    const second = session.commit([progress]);
    progress.offset = 9;
    expect(await Promise.all([first, second])).toEqual([COMMITTED, COMMITTED]);
    const next = await open();
    expect(await next.take(0)).toEqual({ lane: 0, offset: 3, metadata: "three" });
    await Promise.all([session.close(), next.close()]);
  });

  test("giving a lane up commits its last progress and lets go of it", async () => {
    const { open } = await service(2);
    const session = await open();
    for (const lane of [0, 1]) await session.take(lane);
    expect(await session.giveUp([{ lane: 0, offset: 8, metadata: "bye" }])).toEqual(COMMITTED);
    await expect(session.commit([{ lane: 0, offset: 9, metadata: "" }])).rejects.toThrow(RangeError);
    expect(await session.commit([{ lane: 1, offset: 1, metadata: "" }])).toEqual(COMMITTED);
    expect(await session.take(0)).toEqual({ lane: 0, offset: 8, metadata: "bye" });
    expect(await session.commit([{ lane: 0, offset: 9, metadata: "" }])).toEqual(COMMITTED);
    await session.close();
  });

  test("an empty commit commits, lanes taken or not", async () => {
    const { open } = await service(1);
    const session = await open();
    expect(await session.commit([])).toEqual(COMMITTED);
    await session.take(0);
    expect(await session.commit([])).toEqual(COMMITTED);
    await session.close();
  });

  test("closing a session commits nothing, and twice is as good as once", async () => {
    const { open } = await service(1);
    const session = await open();
    await session.take(0);
    await session.commit([{ lane: 0, offset: 2, metadata: "" }]);
    await Promise.all([session.close(), session.close()]);
    await session.close();
    const next = await open();
    expect(await next.take(0)).toEqual({ lane: 0, offset: 2, metadata: "" });
    await next.close();
  });
}
