import type { Gate } from "../../api/gate.ts";
import type { Probe } from "../../api/pod.ts";
import { pause } from "../../pause.ts";
import { judged, type ProbeState, thresholdsOf, UNPROBED } from "./probe-state.ts";

/** How often is looked until the first success. Those looks are beside the probe's own period, and their failures do not count. */
const EAGER_MS = 200;

export interface Prober {
  readonly probe: Probe;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly gate: Gate;
  /** Whether a success is waited for: looks between the periods too, so that pods are ready as soon as they can be. */
  readonly eager: boolean;
  /** One answer. */
  look(signal: AbortSignal): Promise<boolean>;
  verdict(verdict: "success" | "failure"): void;
}

/** Probes until the signal fires, and tells each change of the verdict. */
export async function probe(prober: Prober): Promise<void> {
  const { probe, signal, gate, eager } = prober;
  const { initialDelaySeconds = 0, periodSeconds = 10, timeoutSeconds = 1 } = probe;
  const thresholds = thresholdsOf(probe);
  let state: ProbeState = UNPROBED;
  await pause(initialDelaySeconds * 1_000, signal);
  for (let due = true, nextAt = Date.now(); !signal.aborted; ) {
    await gate.passed();
    if (due) nextAt = Date.now() + periodSeconds * 1_000;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1_000)]);
    const succeeded = await prober.look(limit);
    await gate.passed();
    if (signal.aborted) return;
    if (due || succeeded) {
      const next = judged(state, succeeded, thresholds);
      if (next.verdict !== state.verdict && next.verdict !== "unknown") prober.verdict(next.verdict);
      state = next;
    }
    const early = eager && state.verdict !== "success" ? EAGER_MS : Number.POSITIVE_INFINITY;
    const leftMs = Math.max(0, nextAt - Date.now());
    due = leftMs <= early;
    await pause(Math.min(leftMs, early), signal);
  }
}
