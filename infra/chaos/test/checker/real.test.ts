import { randomUUID } from "node:crypto";
import { type Client, connect } from "@shardcast/client";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { encodeControl, isShardcastError, topicsOf } from "@shardcast/protocol";
import { createWorker, type Worker } from "@shardcast/worker";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { check } from "../../src/checker/check.ts";
import type { CallerOutcome, Effect, History } from "../../src/checker/history.ts";
import { measure } from "../../src/checker/measure.ts";
import { traced } from "../../src/handler.ts";
import { hostMs } from "../../src/host-clock.ts";
import { spreadKeys } from "../../src/load/keys.ts";
import type { Work } from "../../src/load/work.ts";
import { collectControl, readTopics, sampleProgress } from "../../src/topics.ts";

const SERVICE = "accounts";
const LANES = 4;
const logger = pino({ level: "silent" });

/** Real workers and a real client on the log in memory: the checker must understand what they leave behind. */
test("a crash, a move, a restart and poison, by real workers in memory, are lawful", async () => {
  const cluster = new MemoryCluster();
  const topics = topicsOf(SERVICE, { lanes: LANES });
  const log = createMemoryLog({ cluster });
  onTestFinished(() => log.close());
  await log.ensureTopics(Object.values(topics));
  const control = await collectControl(log, topics);
  const effects: Effect[] = [];
  const outcomes: CallerOutcome[] = [];

  async function start(
    member: number,
  ): Promise<{ readonly worker: Worker; readonly kill: () => Promise<void> }> {
    const ownLog = createMemoryLog({ cluster });
    let alive = true;
    const write = (effect: Effect) => void (alive && effects.push(effect));
    const worker = createWorker(
      {
        ...{ service: SERVICE, member, replicas: 2, lanes: LANES, log: ownLog, logger },
        ...{ commitIntervalMs: 20, leaseMs: 300, retryMinMs: 1, retryMaxMs: 2, maxAttempts: 2 },
        ...traced({ member: String(member), incarnation: randomUUID(), write }),
      },
      {},
    );
    const kill = async () => {
      alive = false; // a process that is gone leaves no trace
      await ownLog.close();
      await worker.stop();
    };
    onTestFinished(kill);
    await worker.start();
    return { worker, kill };
  }

  const callerLog = createMemoryLog({ cluster });
  onTestFinished(() => callerLog.close());
  const client = await connect({ log: callerLog, services: { [SERVICE]: { lanes: LANES } } });
  onTestFinished(() => client.close());
  let stopped = false;
  onTestFinished(() => {
    stopped = true;
  });
  const callers = spreadKeys(12, LANES).map(async (key) => {
    for (let n = 1; !stopped; n++) {
      const fails = n % 50 === 0 ? "always" : n % 10 === 0 ? "once" : "never";
      outcomes.push(await ask(client, key, { n, takesMs: n % 3, fails }));
    }
  });

  const first = await start(0);
  const second = await start(1);
  const served = (count: number) =>
    vi.waitFor(() => expect(outcomes.length).toBeGreaterThan(count), { timeout: 10_000 });
  await served(100);
  await first.kill();
  const again = await start(0);
  await served(outcomes.length + 100);
  const planner = await log.openSession({
    service: SERVICE,
    member: "@planner",
    topic: topics.requests.name,
  });
  const map = { kind: "map", epoch: 1, replicas: 2, lanes: [0, 0, 0, 1] } as const;
  const record = {
    topic: topics.control.name,
    partition: 0,
    ...encodeControl({ ...map, lanes: [...map.lanes] }),
  };
  await planner.commit({ records: [record] });
  await vi.waitFor(() => expect(again.worker.lanes()).toHaveLength(3), { timeout: 10_000 });
  await served(outcomes.length + 100);
  await second.worker.stop();
  const last = await start(1);
  await served(outcomes.length + 100);
  stopped = true;
  await Promise.all(callers);
  await Promise.all([again.worker.stop(), last.worker.stop()]);

  const history: History = {
    ...(await readTopics(log, SERVICE, topics)),
    control: await control.finish(),
    effects,
    outcomes,
    recordedOutcomes: [],
    acts: [],
    broadcasts: [],
    progress: [],
    finalProgress: await sampleProgress(log, SERVICE, topics, ""),
    faults: [],
  };
  expect(check(history)).toEqual([]);
  const figures = measure(history);
  expect(figures.answered).toBeGreaterThan(300);
  expect(figures.deadLetters).toBeGreaterThan(0);
  expect(figures.moves).toBe(1);
  expect(figures.worstRestartPauseMs).not.toBeNull();
}, 60_000);

async function ask(client: Client, key: string, work: Work): Promise<CallerOutcome> {
  const { n } = work;
  const sentMs = hostMs();
  const outcome = (conclusion: CallerOutcome["conclusion"]) => ({
    key,
    n,
    sentMs,
    endedMs: hostMs(),
    conclusion,
  });
  try {
    const { id, body } = await client.request(SERVICE, key, JSON.stringify(work));
    return outcome({ kind: "done", id, answered: JSON.parse(Buffer.from(body).toString()) });
  } catch (error) {
    if (!isShardcastError(error)) throw error;
    const id = String(error.extensions?.requestId);
    if (error.code === "SHARDCAST_ATTEMPTS_EXHAUSTED")
      return outcome({ kind: "failed", id, code: error.code });
    return outcome({ kind: "unknown", why: error.code });
  }
}
