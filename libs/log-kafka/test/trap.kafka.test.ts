import { setTimeout as sleep } from "node:timers/promises";
import { acquireTestBroker, type TestBroker } from "@shardcast/infra-kafka";
import { afterAll, beforeAll, expect, test } from "vitest";
import { appendTexts, makeTopic, numbered, openLog, openReading } from "./support/kafka.ts";

const SESSION_MS = 6_000; // the least that Kafka allows by default

let broker: TestBroker;
beforeAll(async () => {
  broker = await acquireTestBroker({ exclusive: true });
});
afterAll(() => broker?.stop());

test("a reader that has to join again goes on where it was, and what is paused stays paused (design.md, Trap)", async () => {
  // Requests outlive the stall, so that kafkajs joins again by itself instead of giving up.
  const { log, lines } = openLog(broker.brokers, {
    sessionTimeoutMs: SESSION_MS,
    requestTimeoutMs: 30_000,
    unavailableAfterMs: 60_000,
  });
  const topic = await makeTopic(log, 4);
  const partitions = [0, 1, 2, 3];
  for (const partition of partitions) await appendTexts(log, topic, partition, numbered("old", 20));
  const { reader, of, texts, text } = await openReading(log, topic);
  const joins = () =>
    lines.filter(({ msg }) => msg === "Consumer has joined the group").map(({ groupId }) => groupId);

  await reader.start(topic, 0, 10); // in the middle
  await reader.start(topic, 1, "latest");
  await reader.start(topic, 2, 15);
  // 3 is never started
  await expect.poll(() => texts(0).length).toBe(10);
  await expect.poll(() => texts(2).length).toBe(5);
  reader.pause(topic, 2);
  await appendTexts(log, topic, 1, ["before"]);
  await text("before");
  expect(joins()).toHaveLength(1);

  await broker.pause();
  await sleep(SESSION_MS + 2_000); // the broker's own clock is what has to pass
  await broker.resume();
  for (const partition of partitions) await appendTexts(log, topic, partition, numbered("new", 5));
  await expect.poll(() => joins().length, { timeout: 20_000 }).toBeGreaterThan(1);
  expect(new Set(joins()).size).toBe(1); // the same consumer, not a new one in its place
  for (const partition of partitions) await appendTexts(log, topic, partition, [`end${partition}`]);
  await text("end0");
  await text("end1");

  const expected = (from: number) =>
    [...numbered("old", 20), ...numbered("new", 5)].map((each, offset) => `${offset}:${each}`).slice(from);
  expect(of(0)).toEqual([...expected(10), "25:end0"]);
  expect(of(1)).toEqual([
    "20:before",
    ...numbered("new", 5).map((each, i) => `${21 + i}:${each}`),
    "26:end1",
  ]);
  expect(of(2)).toEqual(expected(15).slice(0, 5));
  expect(of(3)).toEqual([]);
  reader.resume(topic, 2);
  await text("end2");
  expect(of(2)).toEqual([...expected(15), "25:end2"]);
  await reader.start(topic, 3, 24);
  await text("end3");
  expect(of(3)).toEqual(["24:new4", "25:end3"]);
}, 90_000);
