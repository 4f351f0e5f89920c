import type { BroadcastStatus, MemberOutcome } from "@shardcast/protocol";
import { headOf } from "../render/frame.ts";
import { attemptOf, whyOf } from "../render/member.ts";
import { NO_STYLE } from "../render/style.ts";
import { verdictLine } from "../render/summary.ts";
import { plain, stretch } from "../render/text.ts";
import type { Output } from "../world.ts";
import type { Progress } from "./progress.ts";

/** A line for each event, for logs. */
export function lineProgress(stdout: Output): Progress {
  const write = (line: string) => stdout.write(`${line}\n`);
  return {
    accepted: (status, replayed) =>
      void write(`${replayed ? "was accepted before" : "accepted"}: ${headOf(status)}`),
    changed: (member, status) => void write(lineOf(member, status)),
    ended: (status) => void write(verdictLine(status, NO_STYLE)),
    close: () => {},
  };
}

function lineOf(member: MemberOutcome, { acceptedMs }: BroadcastStatus): string {
  const { state } = member;
  const when = state === "waiting" ? "" : `after ${stretch(member.atMs - acceptedMs)}`;
  const parts = [attemptOf(member), when, whyOf(member)].filter((part) => part !== "");
  return `${plain(member.member)} ${state}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`;
}
