import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { acquireTestBroker, type TestBroker } from "@shardcast/infra-kafka";
import type { CommitOutcome } from "@shardcast/log";
import { pino } from "pino";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createKafkaLog } from "../src/index.ts";

let broker: TestBroker;
const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? "silent" });

beforeAll(async () => {
  broker = await acquireTestBroker({ exclusive: true });
});
afterAll(() => broker?.stop());

async function open() {
  const log = createKafkaLog(
    {
      brokers: broker.brokers,
      unavailableAfterMs: 1_500,
      requestTimeoutMs: 1_000,
      connectTimeoutMs: 1_000,
      logger,
    },
    {},
  );
  onTestFinished(() => log.close());
  const topic = `outage-${randomUUID()}`;
  await log.ensureTopics([{ name: topic, partitions: 2, cleanup: "delete" }]);
  return { log, topic };
}

test("commits in the air when the broker freezes: the next session settles them, and nothing confirmed is lost (C2)", async () => {
  const { log, topic } = await open();
  const kinds: CommitOutcome["kind"][] = [];
  /** Highest progress that was confirmed, and that was tried. */
  let confirmed = 0;
  let tried = 0;
  let stop = false;
  const texts = (number: number) => ({
    topic,
    partition: 1,
    key: null,
    value: Buffer.from(`${number}`),
    headers: {},
  });

  /** One session's life: what it finds is settled, and stays as it is until this session commits. */
  async function live(): Promise<void> {
    const session = await log.openSession({ service: topic, member: "0", topic });
    const [settled] = (await log.progressOf(topic, topic)).values();
    expect(settled?.offset ?? 0).toBeGreaterThanOrEqual(confirmed);
    expect(settled?.offset ?? 0).toBeLessThanOrEqual(tried);
    confirmed = settled?.offset ?? 0;
    while (!stop) {
      tried = confirmed + 1;
      const progress = [{ lane: 0, offset: tried, metadata: "" }];
      const outcome = await session.commit({ progress, records: [texts(tried)] });
      kinds.push(outcome.kind);
      if (outcome.kind !== "committed") return;
      confirmed = tried;
    }
  }

  const living = (async () => {
    while (!stop) {
      await live().catch((error: unknown) => {
        expect(error).toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
      });
      await sleep(20); // the pace of a member that waits for its log
    }
  })();
  const goesOn = async () => {
    const before = kinds.length;
    await expect.poll(() => kinds.slice(before), { timeout: 20_000 }).toContain("committed");
  };
  for (let round = 0; round < 6; round++) {
    await goesOn();
    await broker.pause();
    // Long enough for a commit to fail and for new sessions to be begun into the frozen broker.
    await expect.poll(() => kinds.at(-1), { timeout: 20_000 }).not.toBe("committed");
    await sleep(500 * (round % 3));
    await broker.resume();
  }
  await goesOn();
  stop = true;
  await living;

  await log.openSession({ service: topic, member: "0", topic });
  const [last] = (await log.progressOf(topic, topic)).values();
  const read: string[] = [];
  const done = Promise.withResolvers<void>();
  await log.openReader({
    topics: [topic],
    start: [{ topic, partition: 1, from: "earliest" }],
    onRecords(records) {
      for (const { value } of records) read.push(String(value));
      if (read.at(-1) === "end") done.resolve();
    },
  });
  await log.append({ ...texts(0), value: Buffer.from("end") });
  await done.promise;
  // each number once and in order: records share the fate of their progress
  expect(read).toEqual([...Array.from({ length: last?.offset ?? 0 }, (_, i) => `${i + 1}`), "end"]);
}, 120_000);
