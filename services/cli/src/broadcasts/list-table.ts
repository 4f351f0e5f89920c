import type { BroadcastStatus } from "@shardcast/protocol";
import type { Style } from "../render/style.ts";
import { statesOf } from "../render/summary.ts";
import { table } from "../render/table.ts";
import { stretch } from "../render/text.ts";

/** One broadcast a line. */
export function listTable(items: readonly BroadcastStatus[], nowMs: number, style: Style): string {
  const rows = items.map((item) => [
    item.id,
    item.handler === "" ? "(default)" : item.handler,
    item.ack,
    verdictOf(item),
    `${stretch(nowMs - item.acceptedMs)} ago`,
    statesOf(item.members).join(", "),
  ]);
  return table(["ID", "HANDLER", "ACK", "VERDICT", "ACCEPTED", "MEMBERS"], rows, style);
}

/** With the reason where nobody would guess it. */
function verdictOf({ verdict, reason }: BroadcastStatus): string {
  return reason === "expired" || reason === "cancelled" ? `${verdict} (${reason})` : verdict;
}
