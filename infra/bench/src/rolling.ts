import { setTimeout as sleep } from "node:timers/promises";
import { nowMs } from "./clock.ts";
import type { Ground } from "./cluster.ts";
import { Failed } from "./failed.ts";
import { percentile, printFigure } from "./figures.ts";
import { Cluster } from "./members/cluster.ts";
import { PacedLoad } from "./paced/load.ts";
import { printBeside } from "./paced/report.ts";
import { waitingWithin, waitsOf } from "./paced/samples.ts";

const LANES = 24;
const REPLICAS = 3;
const TIMES = 2;
const RATE_PER_SECOND = 500;
const WARM_UP_MS = 5_000;
/** After a member owns its lanes again, until what has waited is done. */
const AFTER_MS = 1_000;

/** What callers notice when all members are restarted, one after the other, under load. */
export async function rolling(ground: Ground, { seconds }: { readonly seconds: number }): Promise<void> {
  const load = await PacedLoad.start(ground.resources);
  const cluster = await Cluster.start(ground, { name: "rolling", lanes: LANES, replicas: REPLICAS });
  const plan = { url: cluster.url, ratePerSecond: RATE_PER_SECOND, targets: cluster.targets() };
  await load.warmUp(plan, WARM_UP_MS);

  await load.begin(plan);
  const fromMs = nowMs();
  await sleep(seconds * 1000);
  const rolledMs = nowMs();
  for (let time = 0; time < TIMES; time++) {
    for (const member of cluster.members) {
      await member.terminate();
      await member.start();
      await member.ready();
      await cluster.balanced(REPLICAS);
      await sleep(AFTER_MS);
    }
  }
  const toMs = nowMs();
  const result = await load.end();

  const { samples } = result;
  const calm = waitsOf(
    waitingWithin(samples, { fromMs, toMs: rolledMs }).filter(({ answeredMs }) => answeredMs < rolledMs),
  );
  const during = waitsOf(waitingWithin(samples, { fromMs: rolledMs, toMs }));
  const rollMs = (toMs - rolledMs) / TIMES;
  console.error(
    `rolling: all ${REPLICAS} members restarted ${TIMES} times, ${Math.round(rollMs)} ms each time, ${samples.length} requests`,
  );
  printBeside("rolling.calm", calm, "rolling.during", during);
  const added = percentile(during, 99) - percentile(calm, 99);
  printFigure({ name: "rolling.added.p99", value: added, unit: "ms" });
  printFigure({ name: "rolling.failed", value: result.failed, unit: "requests" });
  if (result.failed > 0) throw new Failed("rolling", result);
}
