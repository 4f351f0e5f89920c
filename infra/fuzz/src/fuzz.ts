import { Random } from "@shardcast/infra-random";
import { httpBatch } from "./http/run.ts";
import { checkForLeaks, measureBaseline } from "./leak.ts";
import { recordBatch } from "./records/run.ts";
import type { Holdings } from "./target/messages.ts";
import { Target } from "./target/target.ts";
import { Violations } from "./violations.ts";

export interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Ends it before its time. */
  readonly signal?: AbortSignal;
}

export interface FuzzReport {
  readonly seed: number;
  readonly seconds: number;
  /** Connections to the gateway. */
  readonly http: number;
  /** Records put on the log behind its back. */
  readonly records: number;
  readonly violations: number;
}

/** Batches of each kind before the baseline is measured: code that runs for the first time takes memory for good. */
const WARM_UP_BATCHES = 2;
/** A fault may spoil each target at once; then there is no point in going on. */
const MAX_TARGETS = 10;

/** Random input at the door and on the log of one system after the other, in rounds, until the time is over. */
export async function fuzz({ seconds, seed, signal }: FuzzOptions): Promise<FuzzReport> {
  const violations = new Violations(seed);
  const random = new Random(seed);
  const begunMs = performance.now();
  const endMs = begunMs + seconds * 1000;
  const counts = { http: 0, records: 0 };
  const goesOn = () => performance.now() < endMs && signal?.aborted !== true;
  for (let targets = 0; targets < MAX_TARGETS && (targets === 0 || goesOn()); targets++) {
    const target = await Target.start((what) => violations.add(what));
    try {
      await fuzzTarget(target, { random, violations, counts, goesOn });
    } catch (error) {
      violations.add(error instanceof Error ? (error.stack ?? error.message) : String(error));
    } finally {
      await target.kill();
    }
  }
  violations.summarize();
  const took = Math.round((performance.now() - begunMs) / 100) / 10;
  return { seed, seconds: took, ...counts, violations: violations.count };
}

interface Run {
  readonly random: Random;
  readonly violations: Violations;
  readonly counts: { http: number; records: number };
  readonly goesOn: () => boolean;
}

/** Until the time is over, or the target is of no more use. */
async function fuzzTarget(target: Target, { random, violations, counts, goesOn }: Run): Promise<void> {
  let baseline: Holdings | undefined;
  for (let batch = 0; batch <= WARM_UP_BATCHES || goesOn(); batch++) {
    if (batch === WARM_UP_BATCHES) baseline = await measureBaseline(target);
    counts.http += await httpBatch(target.url, random.fork(2 * batch), violations);
    const { records, stuck } = await recordBatch(target, random.fork(2 * batch + 1), violations);
    counts.records += records;
    random.next(); // a next target's batches are others
    if (stuck || !target.alive) return;
  }
  if (baseline !== undefined) await checkForLeaks(target, baseline, violations);
  await target.close();
}
