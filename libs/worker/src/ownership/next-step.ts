import type { LaneState } from "@shardcast/control";
import type { HeldLane } from "./held-lane.ts";

/** What this member knows when it looks at one lane. Times are monotonic milliseconds. */
export interface LaneView {
  /** The map gives the lane to this member. */
  readonly wanted: boolean;
  /** What this member does with it; undefined when it does not hold it. */
  readonly held: HeldLane["state"] | undefined;
  /** What the topic says. */
  readonly owner: LaneState;
  readonly self: { readonly name: string; readonly incarnation: string; readonly uid: string };
  /** Older incarnations of this member can not renew their leases since then. */
  readonly fencedAtMs: number;
  /** Its hook has failed: not again before this time. */
  readonly notBeforeMs: number;
  /** Handlers that this process started under an earlier claim have not ended yet. */
  readonly stillRunning: boolean;
  readonly nowMs: number;
}

export type LaneStep =
  /** It is as it should be, or not this member's to change. */
  | { readonly kind: "nothing" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "let-go" }
  /** Take it, or give back what is left over; `lostToken` is that of a predecessor whose replies are over (C4). */
  | { readonly kind: "claim" | "drop"; readonly lostToken?: number };

/**
 * What to do with a lane next: rule K1 of the keeper, for every state there is. A lane is touched only when it is free or
 * released, or when it is in this member's own name and nothing can run on it any more.
 */
export function nextStep(view: LaneView): LaneStep {
  const { wanted, held, owner, self, fencedAtMs, notBeforeMs, stillRunning, nowMs } = view;
  if (held !== undefined) {
    return !wanted && (held === "acquiring" || held === "owned") ? { kind: "let-go" } : { kind: "nothing" };
  }
  if (owner.kind !== "owned") {
    if (!wanted || stillRunning) return { kind: "nothing" };
    return notBeforeMs > nowMs ? { kind: "wait", ms: notBeforeMs - nowMs } : { kind: "claim" };
  }
  if (owner.member !== self.name) return { kind: "nothing" };
  const kind = wanted ? "claim" : "drop";
  if (stillRunning) return { kind: "nothing" };
  if (owner.incarnation === self.incarnation) return { kind };
  // The same pod, or an earlier life of this process: what it was is dead, or drained. Anything else may hold its lease
  // until it runs out.
  const safeMs = owner.uid === self.uid ? nowMs : fencedAtMs + owner.leaseMs;
  return safeMs > nowMs ? { kind: "wait", ms: safeMs - nowMs } : { kind, lostToken: owner.token };
}
