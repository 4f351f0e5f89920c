import { setImmediate as turn } from "node:timers/promises";
import { javaAvailable, type LocalBroker, startLocalBroker } from "@shardcast/infra-kafka";
import type { CommitOutcome, Log, MemberSession } from "@shardcast/log";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  freePort,
  type Line,
  makeTopic,
  openLog,
  openReading,
  readAll,
  textRecord,
  topicName,
} from "./support/kafka.ts";

const unavailable = { code: "SHARDCAST_LOG_UNAVAILABLE" };
const limits = { connectTimeoutMs: 1_000, requestTimeoutMs: 1_000, unavailableAfterMs: 1_500 };
/** Longest time a call may take without a broker, with room for a busy machine. */
const CALL_BOUND_MS = 10_000;
const PATIENCE = { timeout: 30_000 };

/** What an operator sees of the log going and coming, in order. */
const changes = (lines: readonly Line[]) =>
  lines
    .filter(({ level, component }) => level >= 30 && component === undefined)
    .map(({ msg }) =>
      msg.startsWith("the log is away") ? "away" : msg === "the log answers again" ? "back" : msg,
    );

// It begins without a broker, and crashes it: only the local JVM's can be had like that.
describe.skipIf(!(await javaAvailable()))("a broker that is away", () => {
  let broker: LocalBroker | undefined;
  let port: number;
  let brokers: string[];
  beforeAll(async () => {
    port = await freePort();
    brokers = [`127.0.0.1:${port}`];
  });
  afterAll(() => broker?.stop());

  const useEverything = (log: Log, topic: string) => [
    log.append(textRecord(topic, 0, "x")),
    log.partitionsOf(topic),
    log.ensureTopics([{ name: topic, partitions: 1, cleanup: "delete" }]),
    log.rangesOf(topic),
    log.progressOf(topic, topic),
    log.openReader({ topics: [topic], onRecords: () => {} }),
    log.openReader({
      topics: [topic],
      start: [{ topic, partition: 0, from: "earliest" }],
      onRecords: () => {},
    }),
    log.openSession({ service: topic, member: "0", topic }),
  ];

  test("at start: each call fails in time, one line says so, and all works once the broker is there", async () => {
    const { log, lines } = openLog(brokers, limits);
    const topic = topicName();
    const began = performance.now();
    const outcomes = await Promise.allSettled(useEverything(log, topic));
    expect(performance.now() - began).toBeLessThan(CALL_BOUND_MS);
    expect(outcomes).toMatchObject(outcomes.map(() => ({ status: "rejected", reason: unavailable })));
    await expect.poll(() => log.available, PATIENCE).toBe(false);
    await expect(log.append(textRecord(topic, 0, "x"))).rejects.toMatchObject(unavailable);

    broker = await startLocalBroker({ port });
    await expect.poll(() => log.available, PATIENCE).toBe(true);
    expect(changes(lines)).toEqual(["away", "back"]);
    await log.ensureTopics([{ name: topic, partitions: 1, cleanup: "delete" }]);
    expect(await log.append(textRecord(topic, 0, "first"))).toEqual({ offset: 0 });
    expect(await readAll(log, topic)).toEqual(["first"]);
    const session = await log.openSession({ service: topic, member: "0", topic });
    expect(await session.commit({})).toEqual({ kind: "committed", offsets: [] });
  }, 90_000);

  test.each(["stops in order", "crashes"])(
    "it %s, and is back: everything goes on, one line each way",
    async (way) => {
      const lost = broker as LocalBroker;
      const { log, lines } = openLog(brokers, limits);
      const topic = await makeTopic(log);
      const reading = await openReading(log, topic);
      await reading.reader.start(topic, 0, "earliest");
      const open = () => log.openSession({ service: topic, member: "0", topic });
      let session: MemberSession | undefined = await open();

      // A writer and a committer that never stop trying.
      const confirmed: string[] = [];
      const outcomes: CommitOutcome["kind"][] = [];
      let stop = false;
      const writing = (async () => {
        for (let i = 0; !stop; i++) {
          const { offset } = await log.append(textRecord(topic, 0, `r${i}`)).catch((error: unknown) => {
            expect(error).toMatchObject(unavailable);
            return { offset: undefined };
          });
          if (offset !== undefined) confirmed.push(`${offset}:r${i}`);
          await turn();
        }
      })();
      const committing = (async () => {
        for (let offset = 0; !stop; offset++) {
          session ??= await open().catch((error: unknown) => {
            expect(error).toMatchObject(unavailable);
            return undefined;
          });
          const outcome = await session?.commit({ progress: [{ lane: 0, offset, metadata: "" }] });
          if (outcome !== undefined) outcomes.push(outcome.kind);
          if (outcome?.kind === "broken") session = undefined;
          await turn();
        }
      })();
      const goingOn = async () => {
        const [records, commits] = [confirmed.length, outcomes.length];
        await expect.poll(() => confirmed.length, PATIENCE).toBeGreaterThan(records);
        await expect.poll(() => outcomes.slice(commits), PATIENCE).toContain("committed");
      };

      await goingOn();
      if (way === "crashes") await lost.kill();
      await lost.restart();
      await expect.poll(() => changes(lines), PATIENCE).toEqual(["away", "back"]);
      await goingOn();
      stop = true;
      await Promise.all([writing, committing]);
      await log.append(textRecord(topic, 0, "end"));
      await reading.text("end");

      const read = reading.of(0);
      expect(read.filter((each) => confirmed.includes(each))).toEqual(confirmed);
      expect(new Set(reading.texts(0)).size).toBe(read.length); // nothing twice
      expect(outcomes).not.toContain("fenced");
      expect(changes(lines)).toEqual(["away", "back"]);
    },
    120_000,
  );

  test("it freezes: appends are refused over the bound, none is kept beyond it, and all of them arrive (C7)", async () => {
    const frozen = broker as LocalBroker;
    const { log } = openLog(brokers, {
      maxQueuedBytes: 1_000_000,
      unavailableAfterMs: 60_000,
      requestTimeoutMs: 30_000,
    });
    const topic = await makeTopic(log);
    const text = "x".repeat(10_000);
    await log.append(textRecord(topic, 0, "before"));

    frozen.pause();
    let waiting = 0;
    let overloaded = 0;
    const accepted: Promise<unknown>[] = [];
    for (let i = 0; i < 1_000; i++) {
      const appended = log.append(textRecord(topic, 0, `${i} ${text}`));
      waiting++;
      appended.then(
        () => waiting--,
        (error: { code: string }) => {
          expect(error.code).toBe("SHARDCAST_OVERLOADED");
          overloaded++;
          waiting--;
        },
      );
      accepted.push(appended);
      if (i % 100 === 0) await turn();
    }
    await turn();
    expect(waiting * text.length).toBeLessThanOrEqual(1_000_000);
    expect(waiting).toBeGreaterThan(90);
    expect(overloaded).toBe(1_000 - waiting);

    frozen.resume();
    const outcomes = await Promise.allSettled(accepted);
    const arrived = outcomes.flatMap(({ status }, i) => (status === "fulfilled" ? [String(i)] : []));
    expect(arrived.length).toBe(1_000 - overloaded);
    await log.append(textRecord(topic, 0, "after"));
    const read = (await readAll(log, topic)).map((each) => each.split(" ", 1)[0]);
    expect(read).toEqual(["before", ...arrived, "after"]);
  }, 60_000);
});
