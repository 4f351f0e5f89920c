import { expect, inject, test } from "vitest";
import { startCluster } from "./support/cluster.ts";
import {
  type Effect,
  handledPlaces,
  orderFaults,
  placeOf,
  readEffects,
  startsOf,
} from "./support/effects.ts";
import { committedProgress, readTopic } from "./support/kafka.ts";
import { keysOfLane } from "./support/keys.ts";
import { type Done, startLoad } from "./support/load.ts";

const VICTIM = 1;
const CALLERS = 32;
/** The last callers do not wait until the worker is back, the others do. */
const IMPATIENT = 4;
const IMPATIENT_S = 1;
const PATIENT_S = 30;

test("a worker killed under load and started again loses nothing and repeats nothing it had recorded (C1, C3, C10)", async () => {
  const brokers = inject("kafkaBrokers");
  const cluster = await startCluster({ brokers });
  const { name: topic } = cluster.topics.requests;
  const quick = [0, 1, 2].flatMap((lane) => keysOfLane(lane, 8, "quick"));
  const slow = keysOfLane(VICTIM, 3, "slow");
  // The first callers keep the slow keys busy: their lane's mark stands while others are done above it.
  const load = startLoad(cluster, {
    callers: CALLERS,
    next: (n, caller) => ({
      key: slow[caller] ?? (quick[(n * 7) % quick.length] as string),
      handler: "append",
      timeoutS: caller < CALLERS - IMPATIENT ? PATIENT_S : IMPATIENT_S,
    }),
  });
  const answeredSlow = (done: readonly Done[]) => done.filter(({ call }) => slow.includes(call.key)).length;
  await load.until((done) => done.length >= 1_000 && answeredSlow(done) >= 6);

  const victim = cluster.workers[VICTIM];
  victim?.kill("SIGKILL");
  expect(await victim?.exited).toEqual({ code: null, signal: "SIGKILL" });
  const recorded = (await committedProgress(brokers, cluster.group, topic)).get(VICTIM);
  const successor = await cluster.startWorker(VICTIM);
  const before = { all: load.done.length, slow: answeredSlow(load.done) };
  await load.until((done) => done.length >= before.all + 1_000 && answeredSlow(done) >= before.slow + 6);
  const done = await load.stop();

  const effects = readEffects(cluster.effectsFile);
  const records = await readTopic(brokers, cluster.topics.requests);

  // C3: answered, or its caller's time ran out; and handled all the same, if there was time left when the worker was back.
  const unanswered = done.filter(({ answer }) => answer?.status !== 200);
  expect(unanswered.filter(({ call }) => call.timeoutS !== IMPATIENT_S)).toEqual([]);
  expect(unanswered.filter(({ answer }) => answer?.status !== 504)).toEqual([]);
  expect(unanswered.filter(({ answer }) => (answer?.ms ?? 0) < IMPATIENT_S * 1_000 - 5)).toEqual([]);
  const late = new Set(unanswered.map(({ call }) => String(call.n)));
  const handled = handledPlaces(effects);
  const lost = records.filter(
    ({ partition, offset, value }) =>
      !handled.has(placeOf({ lane: partition, offset })) && !late.has(String(value)),
  );
  expect(lost).toEqual([]);
  expect(records).toHaveLength(done.length);

  // C10: there was something to repeat, above the mark too, and nothing of it was.
  const again = startsOf(effects).filter(({ pid }) => pid === successor.pid);
  expect(recorded?.offset).toBeGreaterThan(0);
  expect(recorded?.doneAbove.length).toBeGreaterThan(0);
  const isRecorded = ({ offset }: Effect) =>
    recorded !== undefined && (offset < recorded.offset || recorded.doneAbove.includes(offset));
  expect(again.filter(isRecorded)).toEqual([]);
  // C1: in order within each life of a process.
  expect(orderFaults(effects)).toEqual([]);
  // And across them: a key that is handled again is handled to its end, none of its later requests stays before it. But
  // those whose time has run out since do: an answered request is not told from one that was never handled (C8).
  const impatient = new Set(
    done.filter(({ call }) => call.timeoutS === IMPATIENT_S).map(({ call }) => String(call.n)),
  );
  const skipped = keysOf(again).flatMap((key) => {
    const own = again.filter((each) => each.key === key);
    const first = Math.min(...own.map(({ offset }) => offset));
    const ran = new Set(own.map(({ offset }) => offset));
    return records
      .filter((each) => each.partition === VICTIM && String(each.key) === key && each.offset > first)
      .filter(({ offset, value }) => !ran.has(offset) && !impatient.has(String(value)))
      .map(({ offset }) => `${key}: ${offset} was not handled again after ${first}`);
  });
  expect(skipped).toEqual([]);
  // The other lanes have not noticed.
  const others = startsOf(effects).filter(({ lane }) => lane !== VICTIM);
  expect(new Set(others.map(placeOf)).size).toBe(others.length);
}, 120_000);

function keysOf(effects: readonly Effect[]): string[] {
  return [...new Set(effects.map(({ key }) => key))];
}
