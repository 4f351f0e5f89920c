import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Log } from "@shardcast/log";
import { createKafkaLog } from "@shardcast/log-kafka";
import { type ServiceTopics, topicsOf } from "@shardcast/protocol";
import { pino } from "pino";
import { foreignBroker, startBroker } from "./broker.ts";
import type { History, ProgressSample } from "./checker/history.ts";
import { readEffects } from "./effects.ts";
import type { FaultKind } from "./fault.ts";
import type { PodFaultKind } from "./kubernetes/pod-fault.ts";
import { startBroadcasts } from "./load/broadcasts.ts";
import { startLoad } from "./load/load.ts";
import type { Mutation } from "./mutations.ts";
import { patchedCopy } from "./patched-copy.ts";
import { openPods, openProcesses } from "./stage.ts";
import { collectControl, readTopics, sampleProgress } from "./topics.ts";

export interface RunOptions {
  readonly seed: number;
  readonly seconds: number;
  /** What the service under test runs as, and what is done to it. */
  readonly target:
    | { readonly kind: "processes"; readonly kinds: readonly FaultKind[] }
    | { readonly kind: "pods"; readonly kinds: readonly PodFaultKind[] };
  readonly lanes: number;
  readonly replicas: number;
  readonly perSecond: number;
  readonly keys: number;
  /** Broadcasts per second. */
  readonly broadcasts: number;
  /** The replicas that a scaling goes through, over and over. */
  readonly scales: readonly number[];
  /** Kafka to use; empty for one of our own. */
  readonly brokers: string;
  readonly mutation: Mutation | undefined;
  /** Ends the run early, in order. */
  readonly signal: AbortSignal;
}

export interface Ran {
  readonly history: History;
  /** Processes that ended without being asked to, by name and how. */
  readonly unasked: Readonly<Record<string, number>>;
  /** Logs and effects of the processes. */
  readonly dir: string;
  /** What the gateways went by. */
  readonly reassignAfterMs: number;
}

const SERVICE = "accounts";
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** Often enough to see a commit that the next one hides. */
const SAMPLE_MS = 100;
/** Everything that was accepted must have ended so long after the last request. */
const SETTLE_LIMIT_MS = 60_000;
const SETTLE_POLL_MS = 200;

/** Load and faults against real processes. Resolves to everything that is known of it when all have ended. */
export async function run(options: RunOptions): Promise<Ran> {
  const { seed, lanes, replicas, keys, perSecond, scales, brokers, mutation } = options;
  const closers: (() => Promise<unknown>)[] = [];
  const maxReplicas = Math.max(replicas, ...scales);
  const dir = await mkdtemp(join(tmpdir(), "shardcast-chaos-"));
  const unasked: Record<string, number> = {};
  const prefix = `chaos-${randomUUID().slice(0, 8)}.`;
  try {
    const broker =
      brokers === ""
        ? await startBroker(options.target.kind === "pods" ? 0 : maxReplicas)
        : foreignBroker(brokers);
    closers.push(() => broker.stop());
    let root = ROOT;
    if (mutation !== undefined) {
      root = await patchedCopy(ROOT, mutation);
      closers.push(() => rm(root, { recursive: true, force: true }));
    }
    const onUnasked = (name: string, { code, signal }: { code: number | null; signal: string | null }) => {
      const how = `${name}: ${signal ?? `exit code ${code}`}`;
      console.error(`ended by itself: ${how}`);
      unasked[how] = (unasked[how] ?? 0) + 1;
    };
    const log = createKafkaLog({ brokers: broker.brokers.split(","), logger: pino({ level: "fatal" }) });
    closers.push(() => log.close());
    const parts = { root, dir, broker, prefix, lanes, replicas, service: SERVICE };
    const stage =
      options.target.kind === "pods"
        ? await openPods({ ...parts, ...options, ...options.target })
        : await openProcesses({ ...parts, ...options, ...options.target, maxReplicas, onUnasked, log });
    closers.push(() => stage.stop());
    const topics = topicsOf(SERVICE, { lanes, prefix });
    const control = await collectControl(log, topics);
    const sampler = startSampler(log, topics, prefix);
    closers.push(() => sampler.stop());

    const load = startLoad({
      ...{ gateways: stage.urls, service: SERVICE, lanes, seed, keys, perSecond },
      patient: options.target.kind === "pods",
      // A control plane and nodes share the machine with them.
      recordedEvery: options.target.kind === "pods" ? 20 : 4,
    });
    closers.push(() => load.stop());
    const told = startBroadcasts({
      ...{ gateways: stage.urls, service: SERVICE, seed, perSecond: options.broadcasts },
      replicas: () => stage.replicas,
    });
    closers.push(() => told.stop());
    await stage.faults.carryOut(options.seconds, options.signal);
    console.error("healing");
    await stage.faults.heal();
    await Promise.all([load.stop(), told.stop()]);
    console.error("settling");
    await settle(log, topics, prefix);
    await Promise.all([load.askAgain(), told.askAgain()]);
    const finalProgress = await sampleProgress(log, SERVICE, topics, prefix);
    await stage.stop();
    await sampler.stop();
    sampler.samples.push(...(await sampleProgress(log, SERVICE, topics, prefix)));
    const history = {
      ...(await readTopics(log, SERVICE, topics)),
      control: await control.finish(),
      ...readEffects(stage.effectsFile),
      broadcasts: told.broadcasts,
      outcomes: load.outcomes,
      recordedOutcomes: load.recorded,
      progress: sampler.samples,
      finalProgress,
      faults: stage.faults.done,
    };
    return { history, unasked, dir, reassignAfterMs: stage.reassignAfterMs };
  } finally {
    for (const close of closers.reverse()) await close().catch((error: unknown) => console.error(error));
  }
}

function startSampler(log: Log, topics: ServiceTopics, prefix: string) {
  const samples: ProgressSample[] = [];
  const stopping = new AbortController();
  const { signal } = stopping;
  const done = (async () => {
    while (!signal.aborted) {
      // While the broker is away there is nothing to be seen.
      samples.push(...(await sampleProgress(log, SERVICE, topics, prefix).catch(() => [])));
      await sleep(SAMPLE_MS, undefined, { signal }).catch(() => {});
    }
  })();
  return {
    samples,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

/** Until everything on the log is done, or there was time enough for it. */
async function settle(log: Log, topics: ServiceTopics, prefix: string): Promise<void> {
  const endMs = performance.now() + SETTLE_LIMIT_MS;
  while (performance.now() < endMs) {
    try {
      const ranges = await log.rangesOf(topics.requests.name);
      const progress = await sampleProgress(log, SERVICE, topics, prefix);
      const low = new Map(progress.map((sample) => [sample.lane, sample.low]));
      if (ranges.every(({ high }, lane) => (low.get(lane) ?? 0) >= high)) return;
    } catch {
      // The broker may not be back yet.
    }
    await sleep(SETTLE_POLL_MS);
  }
  console.error(`not everything has ended ${SETTLE_LIMIT_MS} ms after the last request`);
}
