import type { BroadcastStatusJson } from "@shardcast/protocol";
import type { Facts } from "./facts.ts";
import type { Act, BroadcastOutcome, Clause, History, Violation } from "./history.ts";
import { quietMs } from "./quiet.ts";

/** A member that was left alone for so long has had time enough for a broadcast. */
const ENOUGH_MS = 10_000;

/**
 * What is promised to broadcasts (C6): each that was accepted is known to every gateway, and all say the same of it; it
 * expects whom the map named; in the end something final is said of each, and what the members did bears it out.
 */
export function checkBroadcasts({ history }: Facts): Violation[] {
  const actsOf = Map.groupBy(history.acts, ({ id }) => id);
  return [
    ...history.broadcasts.flatMap((outcome) => checkStatus(history, outcome, actsOf.get(outcome.id) ?? [])),
    ...[...Map.groupBy(history.acts, ({ incarnation }) => incarnation).values()].flatMap(checkActs),
  ];
}

function checkStatus(history: History, outcome: BroadcastOutcome, acts: readonly Act[]): Violation[] {
  const { id, n, accepted, finals } = outcome;
  const fault = (what: string): Violation[] => [
    { clause: "C6", what: `broadcast ${n} ${what}`, evidence: { id, accepted, finals, acts } },
  ];
  const [told] = finals;
  if (told === undefined || finals.includes(undefined))
    return fault("was accepted, and a gateway does not know it");
  if (finals.some((each) => JSON.stringify(each) !== JSON.stringify(told)))
    return fault("is told in two ways");
  if (namesIn(told) !== namesIn(accepted)) return fault("does not expect any more whom it expected");
  // While nobody has planned, as many as were configured: any, but from 0 on.
  const replicas = accepted.epoch === 0 ? accepted.members.length : replicasAt(history, accepted.epoch);
  const ordinals = Array.from({ length: replicas ?? 0 }, (_, ordinal) => String(ordinal)).sort();
  if (namesIn(accepted) !== ordinals.join())
    return fault(`does not expect the ${replicas} members of its map`);
  return told.members.flatMap(({ member, state }) => {
    const how = new Set(acts.filter((act) => act.member === member).map((act) => act.event));
    switch (state) {
      case "acked":
        return how.has("acted") ? [] : fault(`is told to be acted on by ${member}, which has not`);
      case "failed":
        return how.has("failed") ? [] : fault(`is told to have failed at ${member}, which has not`);
      case "gone":
        return wasRemoved(history, member, accepted.epoch) ? [] : fault(`is told to be without ${member}`);
      case "expired":
        return hadTime(history, member, outcome)
          ? fault(`has expired for ${member}, which had time enough`)
          : [];
      default:
        return fault(`is ${state} at ${member} in the end`);
    }
  });
}

/** What no status tells: a member acts on one after another in their order, on none twice, on none too late. */
function checkActs(acts: readonly Act[]): Violation[] {
  const found: Violation[] = [];
  const done = new Set<string>();
  let open: Act | undefined;
  let last = -1;
  for (const act of acts.toSorted((a, b) => a.tMs - b.tMs)) {
    if (act.event !== "begun") {
      if (act.event === "acted") done.add(act.id);
      open = undefined;
      continue;
    }
    const fault = (clause: Clause, what: string) =>
      found.push({ clause, what: `member ${act.member} ${what}`, evidence: { act, open, last } });
    if (act.lateMs > 0) fault("C8", "has begun with a broadcast that had expired");
    if (open !== undefined) fault("C6", "acts on two broadcasts at once");
    if (act.offset < last) fault("C6", "acts on broadcasts out of their order");
    if (done.has(act.id)) fault("C6", "acts once more on a broadcast that it has acted on");
    open = act;
    last = act.offset;
  }
  return found;
}

function namesIn({ members }: BroadcastStatusJson): string {
  return members
    .map(({ member }) => member)
    .sort()
    .join();
}

function replicasAt({ control }: History, epoch: number): number | undefined {
  for (const { record } of control)
    if (record.kind === "map" && record.epoch === epoch) return record.replicas;
  return undefined;
}

function wasRemoved({ control }: History, member: string, epoch: number): boolean {
  return control.some(
    ({ record }) => record.kind === "map" && record.epoch > epoch && record.replicas <= Number(member),
  );
}

/** A wall clock that was moved lets the member think that it had none. */
function hadTime({ faults }: History, member: string, { acceptedMs, accepted }: BroadcastOutcome): boolean {
  const untilMs = acceptedMs + (accepted.expiresMs - accepted.acceptedMs);
  const own = faults.filter((fault) => fault.member === undefined || fault.member === member);
  const shifted = own.some(
    ({ kind, tMs, untilMs: overMs }) => kind === "clock" && tMs < untilMs && overMs > acceptedMs,
  );
  return !shifted && quietMs(own, acceptedMs, untilMs) > ENOUGH_MS;
}
