import type { BroadcastVerdict } from "@shardcast/protocol";
import { type ErrorCode, isShardcastError } from "@shardcast/protocol/errors";
import { Interrupted, UsageError } from "./errors.ts";

/** One way for a call to end. */
export interface ExitRow {
  readonly code: number;
  /** Whether the same call, made again, may end in another way: what a scheduled job should repeat. */
  readonly again: boolean;
  readonly meaning: string;
}

/** How calls end. A number, once published, never means something else; docs/cli.md repeats the table, a test compares them. */
export const EXIT_CODES = {
  satisfied: {
    code: 0,
    again: false,
    meaning: "Done: as many members acknowledged as were asked for, or the call succeeded.",
  },
  fault: {
    code: 1,
    again: true,
    meaning: "A fault of `shardcast` or of the gateway itself; please report it.",
  },
  usage: {
    code: 2,
    again: false,
    meaning: "A flag, variable or configuration file is not valid; nothing was sent.",
  },
  partly: {
    code: 3,
    again: false,
    meaning: "Everything final was said: some members acknowledged, fewer than were asked for.",
  },
  failed: { code: 4, again: false, meaning: "Nobody acknowledged; or the request failed." },
  timeout: {
    code: 5,
    again: true,
    meaning: "No verdict or answer when the wait was over; what was accepted goes on.",
  },
  unreachable: { code: 6, again: true, meaning: "The gateway did not answer, or can take nothing now." },
  refused: {
    code: 7,
    again: false,
    meaning: "The gateway refused, e.g. because it knows no such service or no member takes broadcasts.",
  },
  interrupted: { code: 130, again: true, meaning: "Ctrl-C (SIGINT); what was accepted goes on." },
  terminated: { code: 143, again: true, meaning: "SIGTERM; what was accepted goes on." },
} as const satisfies Record<string, ExitRow>;

/** A row of {@link EXIT_CODES}. */
export type ExitName = keyof typeof EXIT_CODES;

/** What http-client tries again within its time: still so at the end, there is nobody to talk to. */
const UNREACHABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "SHARDCAST_LOG_UNAVAILABLE",
  "SHARDCAST_OVERLOADED",
  "SHARDCAST_LANE_BUSY",
  "SHARDCAST_KEY_BUSY",
  "SHARDCAST_REQUEST_TIMEOUT",
  "SHARDCAST_CLOSED",
]);
/** How a request ends that its service did not do. */
const FAILED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "SHARDCAST_ATTEMPTS_EXHAUSTED",
  "SHARDCAST_HANDLER_REFUSED",
  "SHARDCAST_REPLY_TOO_LARGE",
  "SHARDCAST_KEY_PARKED",
  "SHARDCAST_CANCELLED",
]);

export function exitOfVerdict(verdict: BroadcastVerdict): ExitName {
  return verdict === "open" ? "timeout" : verdict;
}

export function exitOfError(error: unknown): ExitName {
  if (error instanceof UsageError) return "usage";
  if (error instanceof Interrupted) return error.signal === "SIGINT" ? "interrupted" : "terminated";
  if (!isShardcastError(error)) return "fault";
  const { code } = error;
  if (UNREACHABLE.has(code)) return "unreachable";
  if (FAILED.has(code)) return "failed";
  if (code === "SHARDCAST_DEADLINE_EXCEEDED") return "timeout";
  if (code === "SHARDCAST_INVALID_CONFIG") return "usage";
  return code === "SHARDCAST_INTERNAL" ? "fault" : "refused";
}
