import type { Probe } from "../../api/pod.ts";

/** What a probe has said: its verdict, and how many answers in a row say otherwise. */
export interface ProbeState {
  readonly verdict: "unknown" | "success" | "failure";
  readonly against: number;
}

export const UNPROBED: ProbeState = { verdict: "unknown", against: 0 };

export interface Thresholds {
  readonly success: number;
  readonly failure: number;
}

export function thresholdsOf({ successThreshold = 1, failureThreshold = 3 }: Probe): Thresholds {
  return { success: successThreshold, failure: failureThreshold };
}

/** The verdict changes when as many answers in a row as its threshold says are against it. */
export function judged(state: ProbeState, succeeded: boolean, thresholds: Thresholds): ProbeState {
  const said = succeeded ? "success" : "failure";
  if (state.verdict === said) return { verdict: said, against: 0 };
  // Without a verdict successes and failures are counted apart: below zero failures, above zero successes.
  const before = state.verdict === "unknown" && state.against > 0 !== succeeded ? 0 : Math.abs(state.against);
  const count = before + 1;
  if (count >= thresholds[said]) return { verdict: said, against: 0 };
  return { verdict: state.verdict, against: state.verdict === "unknown" && !succeeded ? -count : count };
}
