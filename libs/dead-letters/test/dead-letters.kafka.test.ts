import { randomUUID } from "node:crypto";
import type { AppendRecord, Log } from "@shardcast/log";
import { createKafkaLog } from "@shardcast/log-kafka";
import { decodeRequest, encodeDeadLetter, encodeRequest, topicsOf } from "@shardcast/protocol";
import { pino } from "pino";
import { expect, inject, onTestFinished, test } from "vitest";
import { openDeadLetters } from "../src/index.ts";
import { pagesOf, placesOf, request, WHY } from "./support/world.ts";

const SERVICE = "accounts";
const LANES = 4;

async function start() {
  const topicPrefix = `dead-${randomUUID()}.`;
  const topics = topicsOf(SERVICE, { lanes: LANES, prefix: topicPrefix });
  const connect = () => {
    const log = createKafkaLog({ brokers: inject("kafkaBrokers"), logger: pino({ level: "silent" }) }, {});
    onTestFinished(() => log.close());
    return log;
  };
  const log = connect();
  await log.ensureTopics([topics.requests, topics.dead]);
  return {
    log,
    topics,
    /** The dead letters as another process sees them. */
    open: () => openDeadLetters(connect(), { service: SERVICE, topicPrefix, lanes: LANES }),
    /** Letters as an exactly-once worker writes them: in transactions, whose marks lie between them. */
    async bury(ids: readonly string[]): Promise<void> {
      const options = { service: `${topicPrefix}${SERVICE}`, member: "0", topic: topics.requests.name };
      const session = await log.openSession(options);
      const letters = ids.map((id, index): AppendRecord => {
        const record = encodeRequest(request({ id, key: Buffer.from(`key-${index % 17}`) }));
        return { topic: topics.dead.name, partition: index % LANES, ...encodeDeadLetter(record, WHY) };
      });
      for (let at = 0; at < letters.length; at += 70) {
        const outcome = await session.commit({ records: letters.slice(at, at + 70) });
        expect(outcome.kind).toBe("committed");
      }
      await session.close();
    },
  };
}

/** Everything committed on the lanes, in their order: `lane` and id. */
async function sentAgain(log: Log, topic: string): Promise<{ lane: number; id: string; key: string }[]> {
  const sent: { lane: number; id: string; key: string }[] = [];
  const ranges = await log.rangesOf(topic);
  const reader = await log.openReader({
    topics: [topic],
    start: ranges.map((_, partition) => ({ topic, partition, from: "earliest" as const })),
    onRecords: (records) => {
      for (const record of records) {
        const decoded = decodeRequest(record, SERVICE, "?");
        if (decoded.kind !== "request") throw new Error(decoded.kind);
        const { id, key } = decoded.request;
        sent.push({ lane: record.partition, id, key: key.toString() });
      }
    },
  });
  await Promise.all(ranges.map(({ high }, lane) => reader.reached(topic, lane, high)));
  await reader.close();
  return sent;
}

test("C9 on Kafka: 2,100 letters of transactions are paged once each, sent once each in order, and stay settled", async () => {
  const { log, topics, open, bury } = await start();
  const ids = Array.from({ length: 2_100 }, (_, i) => `r${i}`);
  await bury(ids);
  const letters = await open();
  const pages = await pagesOf(letters, { limit: 300 });
  const listed = pages.flatMap((page) => page.letters);
  expect(listed).toHaveLength(2_100);
  expect(new Set(listed.map(({ id }) => id)).size).toBe(2_100);
  expect(await placesOf(letters, { lane: 2, key: Buffer.from("key-2"), limit: 7 })).toHaveLength(
    listed.filter(({ lane, key }) => lane === 2 && key?.toString() === "key-2").length,
  );

  // The second takes over while the first is at it; neither sends what the other has sent.
  const other = await open();
  const first = letters.redrive({ limit: 10_000, ratePerSecond: 200 }).catch((error: unknown) => error);
  await expect
    .poll(async () => (await log.rangesOf(topics.requests.name))[0]?.high, { interval: 5 })
    .not.toBe(0);
  const report = await other.redrive({ limit: 10_000 });
  expect(await first).toMatchObject({ code: "SHARDCAST_FENCED" });
  expect(report.redriven).toBeGreaterThan(0);
  expect(report.redriven).toBeLessThan(2_100);
  expect(report.redriven + report.settledBefore).toBe(2_100);

  const sent = await sentAgain(log, topics.requests.name);
  expect(sent).toHaveLength(2_100);
  for (let lane = 0; lane < LANES; lane++) {
    const wanted = ids.filter((_, index) => index % LANES === lane);
    expect(sent.filter((one) => one.lane === lane).map(({ id }) => id)).toEqual(wanted);
  }
  await Promise.all([letters.close(), other.close()]);
  const later = await open();
  expect(await placesOf(later)).toEqual([]);
  expect(await later.redrive()).toMatchObject({ matched: 0, redriven: 0 });
  await later.close();
});

test("C9 on Kafka: discarded letters are settled for everybody, and nothing is sent", async () => {
  const { log, topics, open, bury } = await start();
  await bury(["a", "b", "c", "d", "e"]);
  const [mine, theirs] = [await open(), await open()];
  expect(await mine.discard({ ids: ["b", "e"] })).toMatchObject({ discarded: 2 });
  await expect
    .poll(async () => (await theirs.list()).letters.map(({ id }) => id), { timeout: 10_000 })
    .toEqual(["a", "c", "d"]);
  expect(await sentAgain(log, topics.requests.name)).toEqual([]);
  await Promise.all([mine.close(), theirs.close()]);
});
