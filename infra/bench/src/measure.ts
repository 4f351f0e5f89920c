import type { LoadPlan, LoadResult } from "./load.ts";
import type { Child } from "./processes/child.ts";

const KEYS = 1_000;
/** Beyond the duration: for the last answers of a slow target. */
const DRAIN_LIMIT_MS = 60_000;

/** Wrong answers: the numbers are worth nothing then. */
export class FaultsFound extends Error {
  constructor(what: string, { faults, examples }: LoadResult) {
    super(`${what}: ${faults} faults, e.g.\n  ${examples.join("\n  ")}`);
    this.name = "FaultsFound";
  }
}

/** Has the generator put load on a target. Throws {@link FaultsFound} unless every answer was right. */
export async function measure(load: Child, what: string, plan: Omit<LoadPlan, "keys">): Promise<LoadResult> {
  const limitMs = plan.durationMs + DRAIN_LIMIT_MS;
  const result = await load.ask<LoadResult & { kind: "result" }>({ ...plan, keys: KEYS }, "result", limitMs);
  if (result.faults > 0) throw new FaultsFound(`${what} at ${plan.callers} callers`, result);
  return result;
}

/** How a time is cut into rounds, so that what is compared takes turns and noise hits all alike. */
export function roundsOf(
  seconds: number,
  roundMs: number,
): { readonly rounds: number; readonly durationMs: number } {
  const rounds = Math.max(2, Math.round((seconds * 1000) / roundMs));
  return { rounds, durationMs: (seconds * 1000) / rounds };
}
