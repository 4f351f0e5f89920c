import type { Facts } from "./facts.ts";
import type { ProgressSample, Violation } from "./history.ts";

/**
 * C2: only the owner commits, and it never takes back what is recorded as done. Progress that goes back was committed by
 * somebody who was the owner no more.
 */
export function checkProgress({ history }: Facts): Violation[] {
  const last = new Map<number, ProgressSample>();
  return [...history.progress, ...history.finalProgress]
    .sort((a, b) => a.tMs - b.tMs)
    .flatMap((sample) => {
      const { lane } = sample;
      const before = last.get(lane);
      last.set(lane, sample);
      if (before === undefined) return [];
      const above = new Set(sample.doneAbove);
      const dropped = before.doneAbove.find((offset) => offset >= sample.low && !above.has(offset));
      if (sample.low >= before.low && dropped === undefined) return [];
      const what = `lane ${lane}: committed progress went back, from ${before.low} to ${sample.low}`;
      return [{ clause: "C2" as const, what, evidence: { before, sample } }];
    });
}
