import type { BroadcastStatus, MemberOutcome } from "@shardcast/protocol";
import type { Colour, Style } from "./style.ts";
import { fit, pad, plain, stretch, widthOf } from "./text.ts";

/** How a state looks; in the order in which a terminal that is too low shows them. */
const LOOKS: Readonly<Record<MemberOutcome["state"], { readonly symbol: string; readonly colour: Colour }>> =
  {
    failed: { symbol: "✖", colour: "red" },
    retrying: { symbol: "↻", colour: "yellow" },
    running: { symbol: "▶", colour: "cyan" },
    waiting: { symbol: "·", colour: "gray" },
    expired: { symbol: "⧗", colour: "red" },
    cancelled: { symbol: "⊘", colour: "magenta" },
    gone: { symbol: "○", colour: "gray" },
    acked: { symbol: "✔", colour: "green" },
  };

export const STATES = Object.keys(LOOKS) as readonly MemberOutcome["state"][];

const STATE_WIDTH = Math.max(...STATES.map((state) => state.length));
const ATTEMPT_WIDTH = "attempt 99".length;
const WHEN_WIDTH = "after 59m59s".length;

export interface LineOptions {
  /** Columns of the name. */
  readonly nameWidth: number;
  /** Columns of the line. */
  readonly width: number;
  readonly nowMs: number;
  readonly style: Style;
}

/** One member on one line: name, state, attempt, since when, why. */
export function memberLine(
  member: MemberOutcome,
  { acceptedMs }: Pick<BroadcastStatus, "acceptedMs">,
  { nameWidth, width, nowMs, style }: LineOptions,
): string {
  const { symbol, colour } = LOOKS[member.state];
  const name = pad(fit(plain(member.member), nameWidth), nameWidth);
  const state = pad(member.state, STATE_WIDTH);
  const rest = `  ${pad(attemptOf(member), ATTEMPT_WIDTH)}  ${whenOf(member, acceptedMs, nowMs)}`;
  const taken = widthOf(`${symbol} ${name}  ${state}${rest}`);
  // Without colours where it has to be cut: half an escape sequence is worse than none.
  if (taken > width) return fit(`${symbol} ${name}  ${state}${rest}`, width);
  const gap = " ".repeat(Math.max(2, WHEN_WIDTH - widthOf(whenOf(member, acceptedMs, nowMs)) + 2));
  const why = fit(whyOf(member), width - taken - gap.length);
  return `${style(colour, symbol)} ${name}  ${style(colour, state)}${rest}${gap}${why}`.trimEnd();
}

/** Why it stands so, in words; empty where there is nothing to say. */
export function whyOf(member: MemberOutcome): string {
  switch (member.state) {
    case "retrying":
      return plain(member.reason);
    case "failed":
      return plain(`${member.code.replace("SHARDCAST_", "")}: ${member.reason}`);
    case "acked":
      return member.reply.status === 200 ? "" : `status ${member.reply.status}`;
    case "gone":
      return "removed, not awaited";
    default:
      return "";
  }
}

export function attemptOf(member: MemberOutcome): string {
  if ("attempt" in member) return `attempt ${member.attempt}`;
  return "attempts" in member ? `attempt ${member.attempts}` : "";
}

/** What goes on: for how long already. What is over: after how long. */
function whenOf(member: MemberOutcome, acceptedMs: number, nowMs: number): string {
  switch (member.state) {
    case "waiting":
      return `for ${stretch(nowMs - acceptedMs)}`;
    case "running":
    case "retrying":
      return `for ${stretch(nowMs - member.atMs)}`;
    default:
      return `after ${stretch(member.atMs - acceptedMs)}`;
  }
}

/** By name as people count: 2 before 10. */
export function byName(a: MemberOutcome, b: MemberOutcome): number {
  return a.member.localeCompare(b.member, "en", { numeric: true });
}
