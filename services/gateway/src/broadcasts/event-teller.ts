import type { BroadcastsApi } from "@shardcast/client";
import {
  type BroadcastStatus,
  type MemberOutcome,
  toBroadcastJson,
  toOutcomeJson,
  toProblem,
} from "@shardcast/protocol";
import { eventOf, type Teller } from "../sse.ts";

const FINAL: ReadonlySet<MemberOutcome["state"]> = new Set<MemberOutcome["state"]>([
  "acked",
  "failed",
  "expired",
  "cancelled",
  "gone",
]);

type BroadcastChange = ReturnType<BroadcastsApi["events"]> extends AsyncIterable<infer C> ? C : never;

/**
 * What comes of a broadcast as server-sent events: first `status`; then `member` for each whose standing has changed, for who
 * comes back those since; `verdict` once there is one.
 *
 * @param afterSeq of the last change that the reader has seen, -1 for none
 */
export function broadcastTeller(afterSeq: number): Teller<BroadcastChange> {
  let seen = afterSeq;
  let begun = false;
  let decided = false;

  /** Who goes on behind any but the last of them gets all of the change again: none of it is lost with a connection. */
  function tell({ seq, members, status }: BroadcastChange): readonly string[] {
    const told: [name: string, data: object][] = [];
    const isWhole = !begun && seen < 0;
    if (!begun) told.push(["status", toBroadcastJson(status)]);
    // The status of who has seen nothing has them all.
    if (!isWhole) for (const member of members) told.push(["member", toOutcomeJson(member)]);
    if (isDecided(status) && !decided) told.push(["verdict", toBroadcastJson(status)]);
    const before = idBefore(isWhole ? seq - 1 : seen);
    begun = true;
    decided ||= isDecided(status);
    seen = seq;
    return told.map(([name, data], at) => eventOf(at === told.length - 1 ? seq : before, name, data));
  }

  const problem = (error: unknown) => eventOf(undefined, "problem", toProblem(error));
  return { tell, problem };
}

/** Everything final was said: nothing comes any more. */
export function isOver({ members }: BroadcastStatus): boolean {
  return members.every(({ state }) => FINAL.has(state));
}

function isDecided({ verdict }: BroadcastStatus): boolean {
  return verdict !== "open";
}

function idBefore(seq: number): number | undefined {
  return seq < 0 ? undefined : seq;
}
