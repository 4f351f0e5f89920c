import { type BroadcastStatus, toBroadcastJson, toOutcomeJson } from "@shardcast/protocol";
import type { Output } from "../world.ts";
import type { Progress } from "./progress.ts";

/** NDJSON: `accepted`, `member` for each change, and `end`. Statuses and outcomes as the gateway says them. */
export function jsonProgress(stdout: Output): Progress {
  const write = (line: object) => stdout.write(`${JSON.stringify(line)}\n`);
  return {
    accepted: (status, replayed) =>
      void write({ type: "accepted", id: status.id, replayed, status: toBroadcastJson(status) }),
    changed: (member) => void write({ type: "member", outcome: toOutcomeJson(member) }),
    ended: (status, exitCode) =>
      void write({ type: "end", ...lastWord(status), exitCode, status: toBroadcastJson(status) }),
    close: () => {},
  };
}

/** Also where they are in `status`: who only wants to know should not have to dig. */
function lastWord({ verdict, reason = "deadline" }: BroadcastStatus): object {
  return { verdict, reason };
}
