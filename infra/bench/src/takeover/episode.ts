import { setTimeout as sleep } from "node:timers/promises";
import { Failed } from "../failed.ts";
import { percentile } from "../figures.ts";
import type { Cluster } from "../members/cluster.ts";
import type { PacedLoad } from "../paced/load.ts";
import { waitsOf } from "../paced/samples.ts";

export interface Probe {
  readonly cluster: Cluster;
  readonly load: PacedLoad;
}

/** What a fault cost those who called one lane, or several, of its victim. */
export interface Episode {
  /** From the fault to the first answer of another process to a request of after it; of the last lane to have one. */
  readonly servedMs: number;
  /** The longest that any request waited, those included that were sent before the fault. */
  readonly longestWaitMs: number;
}

const PROBES_PER_SECOND = 100;
const CALM_MS = 500;
/** A fault hits anywhere between two renewals of the lease. */
const PHASE_MS = 500;

/** Asks the lanes all the time, and does the fault meanwhile, which resolves to when it happened. */
export async function episode(
  { cluster, load }: Probe,
  lanes: readonly number[],
  victimPid: number | undefined,
  fault: () => Promise<number>,
): Promise<Episode> {
  await load.begin({ url: cluster.url, ratePerSecond: PROBES_PER_SECOND, targets: cluster.targets(lanes) });
  await sleep(CALM_MS + Math.random() * PHASE_MS);
  const afterMs = await fault();
  const notBy = victimPid === undefined ? {} : { notBy: victimPid };
  const servedAtMs = await load.served({ lanes, afterMs, ...notBy });
  const result = await load.end();
  if (result.failed > 0) throw new Failed("takeover", result);
  return { servedMs: servedAtMs - afterMs, longestWaitMs: percentile(waitsOf(result.samples), 100) };
}
