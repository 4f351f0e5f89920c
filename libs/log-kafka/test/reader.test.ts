import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { KafkaReader } from "../src/reader.ts";
import { FakeConsumer } from "./support/fake-consumer.ts";
import { protocolError } from "./support/fake-producers.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A reader of `t` with three partitions, and the consumers it made, the newest last. */
async function open(prepare: (consumer: FakeConsumer, index: number) => void = () => {}) {
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
    },
  );
  const [reader] = await Promise.all([opening, vi.advanceTimersByTimeAsync(1_000)]);
  onTestFinished(() => reader.close());
  const consumer = consumers.at(-1) as FakeConsumer;
  consumer.takeTold();
  return { reader, consumer, consumers, got, range, onUnavailable };
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
    expect(consumer.takeTold()).toEqual(["pause 0,1,2", "seek 0@13", "resume 0", "pause 1"]);
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
    expect(consumers[1]?.takeTold()).toEqual(["pause 0,1,2", "seek 0@7", "resume 0"]);
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
