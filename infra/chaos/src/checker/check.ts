import { checkAnswers } from "./answers.ts";
import { checkBroadcasts } from "./broadcasts.ts";
import { checkDeadlines } from "./deadlines.ts";
import { factsOf } from "./facts.ts";
import type { History, Violation } from "./history.ts";
import { checkLost } from "./lost.ts";
import { checkOrder } from "./order.ts";
import { checkOwners } from "./owners.ts";
import { checkProgress } from "./progress.ts";
import { checkRecorded } from "./recorded.ts";
import { checkRepeats } from "./repeats.ts";

const CLAUSES = [
  checkOrder,
  checkOwners,
  checkProgress,
  checkLost,
  checkAnswers,
  checkDeadlines,
  checkRepeats,
  checkRecorded,
  checkBroadcasts,
];

/** What of the contract a history breaks. */
export function check(history: History): Violation[] {
  const facts = factsOf(history);
  return CLAUSES.flatMap((clause) => clause(facts));
}
