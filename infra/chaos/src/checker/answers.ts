import type { Facts } from "./facts.ts";
import type { Violation } from "./history.ts";

/** C4: a caller gets at most one answer, its own, from an owner that could still give it. */
export function checkAnswers({ history, repliesOf, countedOf }: Facts): Violation[] {
  const violations: Violation[] = [];
  const add = (what: string, evidence: unknown) => violations.push({ clause: "C4", what, evidence });
  const first = new Map<string, unknown>();
  for (const outcome of history.outcomes) {
    const { conclusion, key, n } = outcome;
    if (conclusion.kind !== "done") continue;
    const { id, answered } = conclusion;
    const name = `request ${n} of key ${key}`;
    const other = first.get(id);
    if (other === undefined) first.set(id, outcome);
    else add(`${name}: one reply went to two callers`, { outcome, other });
    if (answered.id !== id || answered.key !== key || answered.n !== n) {
      add(`${name} got the answer to another one`, outcome);
      continue;
    }
    const replies = repliesOf.get(id) ?? [];
    const counted = (countedOf.get(id) ?? []).some(
      ({ token }) => token === undefined || token === answered.token,
    );
    // Without any reply it is not on the log, and C3's.
    if (!counted && replies.length > 0) {
      add(`${name} got the reply of an owner that had lost the lane`, { outcome, replies });
    }
  }
  return violations;
}
