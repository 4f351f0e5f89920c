import { type Facts, isEnd } from "./facts.ts";
import type { Violation } from "./history.ts";

/** C2: one owner. Who starts a handler is the lane's newest owner, and an owner by the control topic. */
export function checkOwners({ effects, stale, termOf }: Facts): Violation[] {
  const violations: Violation[] = [];
  const newest = new Map<number, number>();
  const holders = new Map<string, string>();
  const add = (what: string, evidence: unknown) => violations.push({ clause: "C2", what, evidence });
  for (const effect of effects) {
    // What a handler does once it has started is not the question here.
    if (isEnd(effect) || effect.event === "released") continue;
    const { lane, token, incarnation, event, member } = effect;
    const term = termOf(lane, token);
    const before = newest.get(lane) ?? -1;
    const name = `${lane}/${token}`;
    const holder = holders.get(name);
    if (holder === undefined) holders.set(name, incarnation);
    if (event === "start" && stale.has(effect)) {
      add(`lane ${lane}: a handler started under token ${token} when ${before} had been there`, effect);
    } else if (event === "acquired" && token < before) {
      add(`lane ${lane}: token ${token} came after ${before}`, effect);
    } else if (holder !== undefined && holder !== incarnation) {
      add(`lane ${lane}: token ${token} is used by two incarnations`, { effect, first: holder });
    } else if (term === undefined || term.member !== member) {
      add(`lane ${lane}: no claim of member ${member} gave it token ${token}`, { effect, term });
    }
    newest.set(lane, Math.max(before, token));
  }
  return violations;
}
