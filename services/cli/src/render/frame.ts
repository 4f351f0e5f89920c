import type { BroadcastStatus, MemberOutcome } from "@shardcast/protocol";
import { byName, memberLine, STATES } from "./member.ts";
import type { Style } from "./style.ts";
import { statesOf, verdictLine } from "./summary.ts";
import { count, fit, plain, stretch, widthOf } from "./text.ts";

export interface FrameOptions {
  readonly columns: number;
  /** Lines there are. */
  readonly rows: number;
  readonly nowMs: number;
  readonly style: Style;
}

/** The head, the summary, and the line of the cursor. */
const OTHER_LINES = 3;
const MAX_NAME = 40;

/** A broadcast as a terminal shows it: never higher than it; of members that do not fit only how many there are of each state. */
export function frame(status: BroadcastStatus, { columns, rows, nowMs, style }: FrameOptions): string {
  const members = status.members.toSorted(byName);
  const room = Math.max(1, rows - OTHER_LINES);
  const shown = members.length <= room ? members : mostTelling(members, room - 1);
  const left = members.filter((member) => !shown.includes(member));
  const nameWidth = Math.min(MAX_NAME, Math.max(1, ...shown.map(({ member }) => widthOf(plain(member)))));
  const line = { nameWidth, width: columns, nowMs, style };
  return [
    style("bold", fit(headOf(status), columns)),
    ...shown.map((member) => memberLine(member, status, line)),
    ...(left.length === 0 ? [] : [fit(`… and ${left.length} more: ${statesOf(left).join(", ")}`, columns)]),
    // Measured without colours.
    widthOf(verdictLine(status, (_, text) => text)) <= columns
      ? verdictLine(status, style)
      : fit(
          verdictLine(status, (_, text) => text),
          columns,
        ),
  ].join("\n");
}

export function headOf(status: BroadcastStatus): string {
  const { service, handler, id, ack, members, acceptedMs, expiresMs } = status;
  const what = handler === "" ? service : `${service} ${plain(handler)}`;
  return `${what} ${id}: ${count(members.length, "member")}, ack ${ack}, ttl ${stretch(expiresMs - acceptedMs)}`;
}

/** Those that somebody has to look at first; shown in the order of their names. */
function mostTelling(members: readonly MemberOutcome[], room: number): MemberOutcome[] {
  return members
    .toSorted((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state))
    .slice(0, room)
    .toSorted(byName);
}
