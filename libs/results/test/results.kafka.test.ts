import { randomUUID } from "node:crypto";
import type { Log } from "@shardcast/log";
import { createKafkaLog } from "@shardcast/log-kafka";
import { encodeResult, type ResultEnd, topicsOf } from "@shardcast/protocol";
import { pino } from "pino";
import { expect, inject, onTestFinished, test } from "vitest";
import { openResults, type Results } from "../src/index.ts";
import { ended, LANES } from "./support/world.ts";

const COMMITS = 40;
const PER_COMMIT = 300;

function openLog(): Log {
  const log = createKafkaLog({ brokers: inject("kafkaBrokers"), logger: pino({ level: "silent" }) }, {});
  onTestFinished(() => log.close());
  return log;
}

async function follow(log: Log, service: string): Promise<Results> {
  const results = await openResults(log, { service, lanes: LANES });
  onTestFinished(() => results.close());
  return results;
}

test("C3 C5: results of many commits are followed as they come, and known again after a restart", async () => {
  const service = `s-${randomUUID()}`;
  const log = openLog();
  const topics = topicsOf(service, { lanes: LANES });
  await log.ensureTopics([topics.requests, topics.results]);
  const results = await follow(log, service);
  const session = await log.openSession({ service, member: "0", topic: topics.requests.name });
  const written: (ResultEnd & { readonly lane: number })[] = [];
  for (let commit = 0; commit < COMMITS; commit++) {
    const batch = Array.from({ length: PER_COMMIT }, (_, i) => {
      const lane = i % LANES;
      return { ...ended(`${commit}-${i}`, { body: Buffer.alloc(200 + i, commit) }), lane };
    });
    const records = batch.map((result) => ({
      ...{ topic: topics.results.name, partition: result.lane },
      ...encodeResult(result),
    }));
    const outcome = await session.commit({ records });
    expect(outcome.kind).toBe("committed");
    written.push(...batch);
  }
  const expectAll = async (known: Results) => {
    for (let lane = 0; lane < LANES; lane++) await known.caughtUp(lane);
    for (const { lane, ...result } of written) expect(known.get(result.id)).toEqual(result);
  };
  await expectAll(results);
  await results.close();

  const begunMs = performance.now();
  const restarted = await follow(openLog(), service);
  const openedMs = performance.now();
  await restarted.restored;
  const restoredMs = performance.now();
  await expectAll(restarted);
  console.log(
    `${written.length} results: opened in ${Math.round(openedMs - begunMs)} ms, restored ${Math.round(restoredMs - openedMs)} ms later`,
  );
  // Behind the end of the last transaction there is nothing but it: that is read as well.
  await restarted.caughtUp(0);
}, 120_000);
