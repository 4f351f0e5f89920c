import type { BroadcastStatus, BroadcastVerdict, MemberOutcome, VerdictReason } from "@shardcast/protocol";
import { STATES } from "./member.ts";
import type { Colour, Style } from "./style.ts";
import { count } from "./text.ts";

const REASONS: Readonly<Record<VerdictReason, string>> = {
  "all-answered": "everything final was said",
  "count-reached": "as many as were asked for",
  quorum: "more than half",
  "not-awaited": "nobody was awaited",
  expired: "its time to live is over",
  cancelled: "cancelled",
  deadline: "not decided yet",
};
const COLOURS: Readonly<Record<BroadcastVerdict, Colour>> = {
  satisfied: "green",
  partly: "yellow",
  failed: "red",
  open: "cyan",
};

/** `2 of 3 members acknowledged, 1 retrying`. */
function countsOf({ members }: Pick<BroadcastStatus, "members">): string {
  const acked = members.filter(({ state }) => state === "acked").length;
  const others = statesOf(members.filter(({ state }) => state !== "acked"));
  return [`${acked} of ${count(members.length, "member")} acknowledged`, ...others].join(", ");
}

/** `3 failed`, `1 waiting`: of each state that somebody is in. */
export function statesOf(members: readonly MemberOutcome[]): string[] {
  return STATES.flatMap((state) => {
    const amount = members.filter((member) => member.state === state).length;
    return amount === 0 ? [] : [`${amount} ${state}`];
  });
}

/** The last word, or that there is none yet. */
export function verdictLine(status: BroadcastStatus, style: Style): string {
  const { verdict, reason } = status;
  const why = reason === undefined ? REASONS.deadline : REASONS[reason];
  return `${style(COLOURS[verdict], verdict)} (${why}): ${countsOf(status)}`;
}
