import type { LogReader, ReaderOptions } from "@shardcast/log";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { KafkaReader } from "../src/reader.ts";
import { FakeConsumer } from "./support/fake-consumer.ts";
import { protocolError } from "./support/fake-producers.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A reader of `t` with three partitions, and the consumers it made, the newest last. */
async function open(
  prepare: (consumer: FakeConsumer, index: number) => void = () => {},
  options: Partial<ReaderOptions> = {},
) {
  const consumers: FakeConsumer[] = [];
  const got: string[] = [];
  const range = { low: 0, high: 100 };
  const onUnavailable = vi.fn();
  const opening = KafkaReader.open(
    {
      openLink: () => {
        const consumer = new FakeConsumer({ t: [0, 1, 2] });
        prepare(consumer, consumers.length);
        consumers.push(consumer);
        return consumer.asLink();
      },
      sessionTimeoutMs: 30_000,
      logger: pino({ level: "silent" }),
      offsetsOf: async () => ({ ...range }),
      onClosed: () => {},
      onUnavailable,
    },
    {
      topics: ["t"],
      onRecords: (records) => got.push(...records.map(({ partition, offset }) => `${partition}@${offset}`)),
      ...options,
    },
  );
  const [reader] = await Promise.all([opening, vi.advanceTimersByTimeAsync(1_000)]);
  onTestFinished(() => reader.close());
  const consumer = consumers.at(-1) as FakeConsumer;
  const toldAtJoin = consumer.takeTold();
  return { toldAtJoin, reader, consumer, consumers, got, range, onUnavailable };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("joining again (design.md, Trap)", () => {
  test("seeks each started partition to where it is, and leaves everything else paused", async () => {
    const { reader, consumer } = await open();
    await reader.start("t", 0, 10);
    await reader.start("t", 1, 20);
    reader.pause("t", 1);
    await consumer.deliver(0, 10, 10, 11, 12);
    consumer.takeTold();
    consumer.join();
    expect(consumer.takeTold()).toEqual(["pause 0,1,2", "seek 0@13", "resume 0", "pause 1", "joined"]);
  });

  test("what is read from an old offset nevertheless is dropped up to the next record", async () => {
    const { reader, consumer, got } = await open();
    await reader.start("t", 0, 3);
    await consumer.deliver(0, 3, 3, 4);
    await consumer.deliver(0, 0, 0, 1, 2, 3);
    await consumer.deliver(0, 4, 4, 5, 6);
    expect(got).toEqual(["0@3", "0@4", "0@5", "0@6"]);
  });
});

describe("batches", () => {
  test("of a partition that is not started or is paused are not delivered, and read again after resume", async () => {
    const { reader, consumer, got } = await open();
    await consumer.deliver(2, 0, 0, 1);
    await reader.start("t", 0, 5);
    reader.pause("t", 0);
    consumer.takeTold();
    await consumer.deliver(0, 5, 5, 6);
    expect(consumer.takeTold()).toEqual(["seek 0@5"]);
    reader.resume("t", 0);
    expect(consumer.takeTold()).toEqual(["seek 0@5", "resume 0"]);
    expect(got).toEqual([]);
  });

  test("that begin beyond the position are not delivered: it is read again from there", async () => {
    const { reader, consumer, got } = await open();
    await reader.start("t", 0, 5);
    consumer.takeTold();
    await consumer.deliver(0, 8, 8, 9);
    await settle();
    expect(consumer.takeTold()).toEqual(["seek 0@5", "resume 0"]);
    expect(got).toEqual([]);
  });

  test("that begin beyond the position because retention removed what was before go on at the earliest", async () => {
    const { reader, consumer, range } = await open();
    await reader.start("t", 0, 5);
    consumer.takeTold();
    range.low = 8;
    await consumer.deliver(0, 8, 8, 9);
    await settle();
    expect(consumer.takeTold()).toEqual(["seek 0@8", "resume 0"]);
  });

  test("of transaction markers only move the position on", async () => {
    const { reader, consumer, got } = await open();
    await reader.start("t", 0, 5);
    consumer.deliverNothing(0, 5, 7);
    await consumer.deliver(0, 8, 8);
    expect(got).toEqual(["0@8"]);
  });

  test("of which compaction left nothing move the position as kafkajs goes on, offset by offset", async () => {
    const { reader, consumer, got } = await open();
    await reader.start("t", 0, 5);
    consumer.deliverNothing(0, null, 5); // kafkajs's words for it: no first offset, the last is where it asked
    consumer.deliverNothing(0, null, 6);
    await consumer.deliver(0, 7, 7);
    expect(got).toEqual(["0@7"]);
  });

  test("that are empty and from beyond the position skip nothing", async () => {
    const { reader, consumer, got } = await open();
    await reader.start("t", 0, 5);
    consumer.deliverNothing(0, 9, 9);
    await consumer.deliver(0, 5, 5, 6);
    expect(got).toEqual(["0@5", "0@6"]);
  });
});

describe("what is read, and from where", () => {
  test("positions given at the opening are applied within the first join, and within every later one", async () => {
    const { toldAtJoin, consumer, reader } = await open(undefined, {
      start: [
        { topic: "t", partition: 1, from: 7 },
        { topic: "t", partition: 2, from: "latest" },
      ],
    });
    expect(toldAtJoin).toEqual(["pause 0,1,2", "seek 1@7", "resume 1", "seek 2@100", "resume 2", "joined"]);
    await consumer.deliver(1, 7, 7, 8);
    reader.pause("t", 2);
    consumer.takeTold();
    consumer.join();
    expect(consumer.takeTold()).toEqual(["pause 0,1,2", "seek 1@9", "resume 1", "pause 2", "joined"]);
  });

  test("a position that can not be found out fails the opening, and no consumer is left", async () => {
    const made: FakeConsumer[] = [];
    const start = [{ topic: "other", partition: 0, from: 0 }];
    await expect(open((each) => void made.push(each), { start })).rejects.toThrow(RangeError);
    expect(made).toEqual([]);
  });

  test.each([
    [undefined, false],
    ["committed", false],
    ["uncommitted", true],
  ] as const)("isolation %s: kafkajs reads uncommitted: %s", async (isolation, readUncommitted) => {
    const { consumer } = await open(undefined, isolation === undefined ? {} : { isolation });
    expect(consumer.config).toMatchObject({ readUncommitted, maxWaitTimeInMs: 100 });
  });

  test("a reader that waits long is given that much longer before it is taken to be stuck", async () => {
    const { consumer, consumers } = await open(undefined, { maxWaitMs: 20_000 });
    expect(consumer.config).toMatchObject({ maxWaitTimeInMs: 20_000 });
    await vi.advanceTimersByTimeAsync(34_000);
    expect(consumers).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(consumers).toHaveLength(2);
  });
});

describe("an offset is reached", () => {
  async function waiting(reader: LogReader, offset: number) {
    const state = { reached: false };
    reader.reached("t", 0, offset).then(
      () => {
        state.reached = true;
      },
      () => {}, // closed at the end of the test
    );
    await settle();
    return state;
  }

  test("by the records below it, once they were delivered", async () => {
    let reachedAtDelivery: boolean | undefined;
    const { reader, consumer } = await open(undefined, {
      onRecords: () => {
        reachedAtDelivery = state.reached;
      },
    });
    await reader.start("t", 0, 5);
    const [state, later] = [await waiting(reader, 7), await waiting(reader, 8)];
    await consumer.deliver(0, 5, 5, 6);
    await settle();
    expect([reachedAtDelivery, state.reached, later.reached]).toEqual([false, true, false]);
  });

  test("by batches of which nothing is left for us", async () => {
    const { reader, consumer } = await open();
    await reader.start("t", 0, 5);
    const state = await waiting(reader, 8);
    consumer.deliverNothing(0, 5, 7);
    await settle();
    expect(state.reached).toBe(true);
  });

  test("where retention removed what was below it", async () => {
    const { reader, consumer, range } = await open();
    await reader.start("t", 0, 5);
    const state = await waiting(reader, 8);
    range.low = 8;
    await consumer.deliver(0, 8, 8);
    await settle();
    expect(state.reached).toBe(true);
  });

  test("not by what is read while paused, nor by a run that was ended", async () => {
    const { reader, consumer } = await open();
    await reader.start("t", 0, 5);
    const state = await waiting(reader, 7);
    reader.pause("t", 0);
    await consumer.deliver(0, 5, 5, 6);
    await reader.start("t", 0, 3);
    consumer.deliverNothing(0, 5, 7); // of the old run
    await settle();
    expect(state.reached).toBe(false);
    await consumer.deliver(0, 3, 3, 4, 5, 6);
    await settle();
    expect(state.reached).toBe(true);
  });
});

describe("the consumer", () => {
  test("that crashes is cut, and a new one goes on where the old one was", async () => {
    const { reader, consumer, consumers, got, onUnavailable } = await open();
    await reader.start("t", 0, 5);
    await consumer.deliver(0, 5, 5, 6);
    consumer.crash(new Error("gone"));
    expect(consumer.cut).toBe(true);
    expect(onUnavailable).toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(consumers).toHaveLength(2);
    expect(consumers[1]?.takeTold()).toEqual(["pause 0,1,2", "seek 0@7", "resume 0", "joined"]);
    await consumers[1]?.deliver(0, 7, 7);
    expect(got).toEqual(["0@5", "0@6", "0@7"]);
  });

  test("is tried again for as long as it takes", async () => {
    const { consumer, consumers } = await open((each, index) => {
      if (index >= 1 && index <= 3) each.connect = () => Promise.reject(new Error("connection refused"));
    });
    consumer.crash(new Error("gone"));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(consumers).toHaveLength(5);
    expect(consumers.map(({ cut }) => cut)).toEqual([true, true, true, true, false]);
  });

  test("whose fetches no longer end is replaced", async () => {
    const { consumers, consumer } = await open();
    for (let i = 0; i < 6; i++) {
      await vi.advanceTimersByTimeAsync(5_000);
      consumer.fetched();
    }
    expect(consumers).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(21_000);
    expect(consumer.cut).toBe(true);
    expect(consumers).toHaveLength(2);
  });

  test("meets a broker that still loads its groups, and tries again", async () => {
    const { consumers } = await open((each, index) => {
      if (index < 2) each.connect = () => Promise.reject(protocolError("GROUP_LOAD_IN_PROGRESS"));
    });
    expect(consumers.map(({ cut }) => cut)).toEqual([true, true, false]);
  });

  test("that is refused at first is not tried again, and is cut", async () => {
    const made: FakeConsumer[] = [];
    const opening = open((each) => {
      made.push(each);
      each.connect = () => Promise.reject(protocolError("TOPIC_AUTHORIZATION_FAILED"));
    });
    await expect(opening).rejects.toMatchObject({ code: "SHARDCAST_LOG_REFUSED" });
    expect(made.map(({ cut }) => cut)).toEqual([true]);
  });

  test("is not begun again after close", async () => {
    const { reader, consumer, consumers } = await open();
    consumer.crash(new Error("gone"));
    await reader.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(consumers).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
