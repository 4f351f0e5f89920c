import { setTimeout as sleep } from "node:timers/promises";
import { acquireTestBroker, type TestBroker } from "@shardcast/infra-kafka";
import { expect, onTestFinished, test } from "vitest";
import { type Cluster, LANES, startCluster } from "./support/cluster.ts";
import {
  type Effect,
  handledPlaces,
  orderFaults,
  placeOf,
  readEffects,
  repeatedPlaces,
} from "./support/effects.ts";
import { problemOf } from "./support/http.ts";
import { readTopic } from "./support/kafka.ts";
import { keysOfLane } from "./support/keys.ts";
import { type Done, type Load, startLoad, statusesOf } from "./support/load.ts";
import type { Program } from "./support/program.ts";

const FROZEN_MS = 15_000;
/** From the broker's return to the first answers of every lane. */
const RESUME_LIMIT_MS = 20_000;
const CALLERS = 24;
/** The first callers do not wait for the broker's return, the others do. */
const IMPATIENT = 4;
const IMPATIENT_S = 3;
const PATIENT_S = 90;

const WARNING = 40;
const AWAY = "the log is away; calls fail until it answers again";
const BACK = "the log answers again";

interface Reply {
  readonly id: string;
  readonly lane: number;
  readonly offset: number;
}

interface Outage {
  readonly name: string;
  readonly happen: (broker: TestBroker) => Promise<void>;
  /** So long that nobody can have overlooked it. */
  readonly long: boolean;
}

const outages: readonly Outage[] = [
  {
    name: "frozen for 15 s",
    async happen(broker) {
      await broker.pause();
      await sleep(FROZEN_MS);
      await broker.resume();
    },
    long: true,
  },
  // It may be back before a worker, which tries again for a while, has said anything.
  { name: "restarted", happen: (broker) => broker.restart(), long: false },
];

test.each(outages)(
  "a broker that is $name under load: 503 meanwhile, nothing lost, nothing read again, all goes on",
  async ({ happen, long }) => {
    const broker = await acquireTestBroker({ exclusive: true });
    onTestFinished(() => broker.stop());
    const cluster = await startCluster({
      brokers: broker.brokers,
      // Shorter than the freeze: every reader loses its place in its group and has to join again (design.md, "Trap").
      env: { SHARDCAST_KAFKA_SESSION_TIMEOUT_MS: "6000" },
    });
    const programs = [cluster.gateway, ...cluster.workers];
    const saidBefore = programs.map(({ lines }) => lines.length);
    const keys = Array.from({ length: LANES }, (_each, lane) => keysOfLane(lane, 12, "key")).flat();
    const load = startLoad(cluster, {
      callers: CALLERS,
      pauseMs: 100,
      next: (n, caller) => ({
        key: keys[(n * 7) % keys.length] as string,
        handler: "append",
        timeoutS: caller < IMPATIENT ? IMPATIENT_S : PATIENT_S,
      }),
    });
    await load.until((done) => done.length >= 1_000);

    await happen(broker);
    const backMs = performance.now();
    // C3, and everything goes on by itself: each lane answers what was asked after the return.
    await untilEachLaneAnswers(load, backMs);
    expect(performance.now() - backMs).toBeLessThan(RESUME_LIMIT_MS);
    const resumed = load.done.length;
    await load.until((done) => done.length >= resumed + 1_000);
    const done = await load.stop();

    expectAnswers(done);
    await expectNothingLost(broker.brokers, cluster, done);
    const noticed = programs.filter(({ lines }) => long || lines.some(({ msg }) => msg === AWAY));
    await Promise.all(noticed.map((program) => program.said(BACK)));
    // One line when it begins and one when it ends, however many calls failed.
    expect(programs.map((program, i) => outageLines(program, saidBefore[i]))).toEqual(
      programs.map((program) => {
        const has = noticed.includes(program);
        return { name: program.name, warnings: has ? [AWAY] : [], back: has ? 1 : 0 };
      }),
    );
    // Who answered 503 knows why.
    expect(noticed).toContain(cluster.gateway);
    expect(programs.filter(({ running }) => !running)).toEqual([]);
  },
  180_000,
);

async function untilEachLaneAnswers(load: Load, sinceMs: number): Promise<void> {
  await load.until((done) => {
    const answered = done.filter(
      ({ answer, endedMs }) => answer?.status === 200 && endedMs - answer.ms > sinceMs,
    );
    return new Set(answered.map((each) => replyOf(each).lane)).size === LANES;
  });
}

function expectAnswers(done: readonly Done[]): void {
  const { "200": _ok, "503": unavailable = 0, "504": _late, ...others } = statusesOf(done);
  expect(others).toEqual({});
  expect(unavailable).toBeGreaterThan(0);
  const refusals = done.flatMap(({ answer }) => (answer?.status === 503 ? [answer] : []));
  const told = refusals.map((answer) => ({ ...problemOf(answer), again: answer.headers["retry-after"] }));
  expect(new Set(told.map((each) => JSON.stringify(each)))).toEqual(
    new Set([
      JSON.stringify({ type: "application/problem+json", code: "SHARDCAST_LOG_UNAVAILABLE", again: "1" }),
    ]),
  );
  // The log was back long before the patient ones' time was over.
  const late = done.flatMap(({ call, answer }) => (answer?.status === 504 ? [{ call, ms: answer.ms }] : []));
  expect(
    late.filter(({ call, ms }) => call.timeoutS !== IMPATIENT_S || ms < IMPATIENT_S * 1_000 - 5),
  ).toEqual([]);
}

async function expectNothingLost(brokers: readonly string[], cluster: Cluster, done: readonly Done[]) {
  const effects = readEffects(cluster.effectsFile);
  const records = await readTopic(brokers, cluster.topics.requests);
  const values = new Map(
    records.map(({ partition, offset, value }) => [placeOf({ lane: partition, offset }), String(value)]),
  );
  const ends = new Map(effects.filter(({ event }) => event === "end").map((each) => [placeOf(each), each]));
  // What was accepted is on the log and was handled there.
  const lost = done.filter((each) => {
    if (each.answer?.status !== 200) return false;
    const reply = replyOf(each);
    const place = placeOf(reply);
    return (
      values.get(place) !== String(each.call.n) || (ends.get(place) as Effect | undefined)?.id !== reply.id
    );
  });
  expect(lost).toEqual([]);
  // What lies on the log was handled, accepted or not; only those whose time had run out need not be (C8).
  const outOfTime = new Set(
    done
      .filter(({ call, answer }) => call.timeoutS === IMPATIENT_S && answer?.status !== 200)
      .map(({ call }) => String(call.n)),
  );
  const handled = handledPlaces(effects);
  const unhandled = [...values].filter(([place, n]) => !handled.has(place) && !outOfTime.has(n));
  expect(unhandled).toEqual([]);
  // Nothing was put there twice, and nothing was read again from an old offset: no worker was restarted.
  expect(new Set(values.values()).size).toBe(values.size);
  expect(repeatedPlaces(effects)).toEqual([]);
  expect(orderFaults(effects)).toEqual([]);
}

function outageLines({ name, lines }: Program, from: number | undefined) {
  const warnings = lines
    .slice(from)
    .filter(({ level }) => level >= WARNING)
    .map(({ msg }) => msg);
  return { name, warnings, back: lines.filter(({ msg }) => msg === BACK).length };
}

function replyOf({ answer }: Done): Reply {
  return JSON.parse(answer?.body ?? "null") as Reply;
}
