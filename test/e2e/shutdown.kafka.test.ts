import { expect, inject, test } from "vitest";
import { startCluster } from "./support/cluster.ts";
import {
  type Effect,
  handledPlaces,
  orderFaults,
  placeOf,
  readEffects,
  repeatedPlaces,
  startsOf,
} from "./support/effects.ts";
import { problemOf } from "./support/http.ts";
import { committedProgress, readTopic } from "./support/kafka.ts";
import { keysOfLane } from "./support/keys.ts";
import { startLoad, statusesOf } from "./support/load.ts";

const LANE = 0;
const CALLERS = 24;
const TIMEOUT_S = 40;

const quick = [0, 1, 2].flatMap((lane) => keysOfLane(lane, 8, "quick"));
const slow = keysOfLane(LANE, 3, "slow");
/** The first callers keep handlers of one lane busy for long enough to be met by a signal. */
const next = (n: number, caller: number) => ({
  key: slow[caller] ?? (quick[(n * 7) % quick.length] as string),
  handler: "append",
  timeoutS: TIMEOUT_S,
});

/** What has started and not ended. */
function running(effects: readonly Effect[], pid: number): Effect[] {
  const handled = handledPlaces(effects);
  return startsOf(effects).filter((each) => each.pid === pid && !handled.has(placeOf(each)));
}

test("a worker that gets SIGTERM under load finishes, commits and leaves; its successor repeats nothing (C3, C10)", async () => {
  const brokers = inject("kafkaBrokers");
  const cluster = await startCluster({ brokers });
  const { effectsFile, topics } = cluster;
  const worker = cluster.workers[LANE];
  const pid = worker?.pid ?? 0;
  const load = startLoad(cluster, { callers: CALLERS, next });
  await load.until(
    (done) =>
      done.length >= 1_000 && running(readEffects(effectsFile), pid).some(({ key }) => slow.includes(key)),
  );

  worker?.kill("SIGTERM");
  expect(await worker?.exited).toEqual({ code: 0, signal: null });
  const atExit = readEffects(effectsFile);
  expect(running(atExit, pid)).toEqual([]);
  const committed = (await committedProgress(brokers, cluster.group, topics.requests.name)).get(LANE);
  const unrecorded = startsOf(atExit).filter(
    ({ lane, offset }) =>
      lane === LANE && offset >= (committed?.offset ?? 0) && !committed?.doneAbove.includes(offset),
  );
  expect(unrecorded).toEqual([]);

  await cluster.startWorker(LANE);
  const back = load.done.length;
  await load.until((done) => done.slice(back).filter(({ call }) => slow.includes(call.key)).length >= 6);
  const done = await load.stop();
  expect(statusesOf(done)).toEqual({ "200": done.length });
  const effects = readEffects(effectsFile);
  expect(repeatedPlaces(effects)).toEqual([]);
  expect(orderFaults(effects)).toEqual([]);
  expect(handledPlaces(effects).size).toBe(done.length);
}, 120_000);

test("a gateway that gets SIGTERM under load answers what it accepted, and ends with 0 (C3)", async () => {
  const brokers = inject("kafkaBrokers");
  const cluster = await startCluster({ brokers });
  const { gateway, topics } = cluster;
  const load = startLoad(cluster, { callers: CALLERS, next, pauseMs: 50 });
  await load.until((done) => done.length >= 1_000);

  const begun = load.done.length;
  gateway.kill("SIGTERM");
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
  const done = await load.stop();

  const { "200": answered = 0, "503": _closing, none: _refused, ...others } = statusesOf(done);
  expect(others).toEqual({});
  expect(done.slice(begun).some(({ answer }) => answer?.status === 200)).toBe(true);
  const refusals = done.flatMap(({ answer }) => (answer?.status === 503 ? [problemOf(answer)] : []));
  expect(refusals.filter(({ code }) => code !== "SHARDCAST_CLOSED")).toEqual([]);
  // Accepted is what lies on the log: each of these has had its answer, and nobody else was told that theirs does.
  const accepted = (await readTopic(brokers, topics.requests)).map(({ value }) => String(value));
  const ok = done.filter(({ answer }) => answer?.status === 200).map(({ call }) => String(call.n));
  expect(accepted.sort()).toEqual(ok.sort());
  expect(answered).toBe(ok.length);
  expect(repeatedPlaces(readEffects(cluster.effectsFile))).toEqual([]);
}, 120_000);
