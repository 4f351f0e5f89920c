import type { Ground } from "./cluster.ts";
import { percentile, printFigure, ratioOf, sorted } from "./figures.ts";
import { Cluster, type ClusterOptions } from "./members/cluster.ts";
import { PacedLoad } from "./paced/load.ts";
import { Resources } from "./resources.ts";
import type { Episode, Probe } from "./takeover/episode.ts";
import { OrdinaryGroup } from "./takeover/ordinary-group.ts";
import { cleanRestart, crash, lostNode } from "./takeover/restarts.ts";

const AGAINST = "kafkajs consumer group with its defaults: SIGKILL, restarted at once";
/** Of what takes long. */
const FEW_RUNS = { lostNode: 5, ordinaryGroup: 3 };
const REASSIGN_AFTER_MS = 3_000;
const WARM_UP = { ratePerSecond: 300, durationMs: 3_000 };
/** As many lanes as the group has partitions. */
const ONE_EACH = { lanes: 3, replicas: 3 };
const LOST_NODE = { lanes: 24, replicas: 3, reassignAfterMs: REASSIGN_AFTER_MS };

/** How long callers of a member's lanes wait when it crashes, restarts in order, or is lost for good. */
export async function takeover(ground: Ground, { runs }: { readonly runs: number }): Promise<void> {
  const group = await ordinaryGroup(ground, Math.min(runs, FEW_RUNS.ordinaryGroup));
  const load = await PacedLoad.start(ground.resources);
  const within = <T>(options: ClusterOptions, use: (probe: Probe) => Promise<T>) =>
    Cluster.with(ground, options, async (cluster) => {
      await load.warmUp({ url: cluster.url, targets: cluster.targets(), ...WARM_UP }, WARM_UP.durationMs);
      return await use({ cluster, load });
    });

  await within({ name: "restart", ...ONE_EACH }, async (probe) => {
    const crashes = await repeat("crash", runs, (run) => crash(probe, run));
    reportEpisodes("takeover.crash", crashes, group);
    const restarts = await repeat("clean restart", runs, (run) => cleanRestart(probe, run));
    reportEpisodes("takeover.clean", restarts);
    report("takeover.clean.leave", restarts, ({ leaveMs }) => leaveMs);
    report("takeover.process-start", restarts, ({ startMs }) => startMs);
    report("takeover.clean.beyond-start", restarts, ({ servedMs, startMs }) => servedMs - startMs);
  });
  await within({ name: "same-pod", ...ONE_EACH, podUids: true }, async (probe) => {
    const crashes = await repeat("crash in the same pod", runs, (run) => crash(probe, run));
    reportEpisodes("takeover.crash-same-pod", crashes, group);
  });
  await within({ name: "lost-node", ...LOST_NODE }, async (probe) => {
    const count = Math.min(runs, FEW_RUNS.lostNode);
    const losses = await repeat("lost node", count, (run) => lostNode(probe, run));
    reportEpisodes("takeover.lost-node", losses);
    report("takeover.lost-node.beyond-reassign", losses, ({ servedMs }) => servedMs - REASSIGN_AFTER_MS);
  });
}

/** First and alone: its processes would take part of the machine from the others. */
async function ordinaryGroup(ground: Ground, runs: number): Promise<Float64Array> {
  const resources = new Resources();
  ground.resources.add({ stop: () => resources.close() });
  try {
    const group = await OrdinaryGroup.start({ ...ground, resources });
    const served = await repeat("ordinary group", runs, (run) => group.crash(run));
    report("takeover.kafkajs-group", served, (ms) => ms);
    return sorted([Float64Array.from(served)]);
  } finally {
    await resources.close();
  }
}

async function repeat<T>(what: string, runs: number, once: (run: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let run = 0; run < runs; run++) results.push(await once(run));
  console.error(`takeover: ${runs} × ${what}`);
  return results;
}

function reportEpisodes(name: string, episodes: readonly Episode[], against?: Float64Array): void {
  console.error(`${name}: ${episodes.map(({ servedMs }) => Math.round(servedMs)).join(", ")} ms`);
  report(name, episodes, ({ servedMs }) => servedMs, against);
  report(`${name}.longest-wait`, episodes, ({ longestWaitMs }) => longestWaitMs);
}

function report<T>(
  name: string,
  runs: readonly T[],
  figureOf: (run: T) => number,
  against?: Float64Array,
): void {
  const values = sorted([Float64Array.from(runs, figureOf)]);
  for (const [suffix, percent] of [
    ["p50", 50],
    ["worst", 100],
  ] as const) {
    const value = percentile(values, percent);
    const compared =
      against === undefined ? {} : { against: AGAINST, ratio: ratioOf(value, percentile(against, percent)) };
    printFigure({ name: `${name}.${suffix}`, value, unit: "ms", ...compared });
  }
}
