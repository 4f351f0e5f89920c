import type { FaultDone } from "./history.ts";

/** After a fault is over, until who it was done to is of use again. */
const RECOVERY_MS = 5_000;
/** Changes of all members take their time; when they ended is not known. */
const CHANGE_MS = 20_000;
const CHANGES: ReadonlySet<string> = new Set(["roll", "scale"]);

/** How much of a time no such fault was at work in. */
export function quietMs(faults: readonly FaultDone[], fromMs: number, toMs: number): number {
  const troubles = faults
    .map(({ kind, tMs, untilMs }) => ({
      fromMs: tMs,
      toMs: untilMs + (CHANGES.has(kind) ? CHANGE_MS : RECOVERY_MS),
    }))
    .sort((a, b) => a.fromMs - b.fromMs);
  let quiet = 0;
  let knownMs = fromMs;
  for (const trouble of troubles) {
    quiet += Math.max(0, Math.min(trouble.fromMs, toMs) - knownMs);
    knownMs = Math.max(knownMs, trouble.toMs);
  }
  return quiet + Math.max(0, toMs - knownMs);
}
