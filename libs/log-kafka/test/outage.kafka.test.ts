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

test("commits in the air when the broker freezes never make a session take itself for fenced (C2)", async () => {
  const { log, topic } = await open();
  const session = await log.openSession({ service: topic, member: "0", topic });
  await session.take(0);
  let offset = 0;
  const outcomes: CommitOutcome[] = [];
  let stop = false;
  const committing = (async () => {
    while (!stop) {
      const outcome = await session.commit([{ lane: 0, offset: ++offset, metadata: "" }]);
      outcomes.push(outcome);
      if (outcome.kind !== "committed") await sleep(20); // the pace of a worker that waits for its log
    }
  })();
  for (let round = 0; round < 6; round++) {
    const before = outcomes.length;
    await expect
      .poll(() => outcomes.slice(before).some(({ kind }) => kind === "committed"), { timeout: 20_000 })
      .toBe(true);
    await broker.pause();
    // Long enough for a commit to fail and for new sessions to be begun into the frozen broker.
    await expect.poll(() => outcomes.at(-1)?.kind, { timeout: 20_000 }).toBe("unavailable");
    await sleep(500 * (round % 3));
    await broker.resume();
  }
  const before = outcomes.length;
  await expect
    .poll(() => outcomes.slice(before).some(({ kind }) => kind === "committed"), { timeout: 20_000 })
    .toBe(true);
  stop = true;
  await committing;
  expect(outcomes.filter(({ kind }) => kind === "fenced")).toEqual([]);
}, 120_000);
