import { pino } from "pino";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { KafkaReader } from "../src/reader.ts";
import { FakeConsumer } from "./support/fake-consumer.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A reader of `t` whose questions for offsets are answered when the test says so. */
async function open() {
  const consumer = new FakeConsumer({ t: [0, 1, 2] });
  const got: string[] = [];
  const asked: (() => void)[] = [];
  const opening = KafkaReader.open(
    {
      openLink: () => consumer.asLink(),
      sessionTimeoutMs: 30_000,
      logger: pino({ level: "silent" }),
      offsetsOf: async () => {
        await new Promise<void>((resolve) => asked.push(resolve));
        return { low: 0, high: 100 };
      },
      onClosed: () => {},
      onUnavailable: () => {},
    },
    {
      topics: ["t"],
      onRecords: (records) => got.push(...records.map(({ offset }) => `${offset}`)),
    },
  );
  const [reader] = await Promise.all([opening, vi.advanceTimersByTimeAsync(1_000)]);
  onTestFinished(() => reader.close());
  const answer = (index: number) => asked[index]?.();
  return { reader, consumer, got, answer };
}

test("C1 C3: while a partition is being started again, nothing of the run before is delivered; then all from the start", async () => {
  const { reader, consumer, got, answer } = await open();
  const before = reader.start("t", 0, 67);
  answer(0);
  await before;
  const again = reader.start("t", 0, 86);
  await consumer.deliver(0, 67, 67, 114); // what the old run had asked for
  expect(got).toEqual([]);
  answer(1);
  await again;
  await consumer.deliver(0, 86, 86, 114);
  expect(got).toEqual(["86", "114"]);
});

test("an older start that is answered late does not take the newer one's place", async () => {
  const { reader, consumer, got, answer } = await open();
  const older = reader.start("t", 0, 67);
  const newer = reader.start("t", 0, 86);
  answer(1);
  await newer;
  answer(0);
  await older;
  await consumer.deliver(0, 67, 67, 86);
  expect(got).toEqual(["86"]);
});

test("a pause while a start is on its way counts, and so does the resumption", async () => {
  const { reader, consumer, got, answer } = await open();
  const started = reader.start("t", 0, 10);
  reader.pause("t", 0);
  answer(0);
  await started;
  await consumer.deliver(0, 10, 10);
  expect(got).toEqual([]);
  reader.resume("t", 0);
  await consumer.deliver(0, 10, 10);
  expect(got).toEqual(["10"]);
});
