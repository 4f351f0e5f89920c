import type { BroadcastStatus, MemberOutcome } from "@shardcast/protocol";
import type { World } from "../world.ts";
import { jsonProgress } from "./json-progress.ts";
import { lineProgress } from "./line-progress.ts";
import { liveProgress } from "./live-progress.ts";

/** What a person, or a program, sees of a broadcast while somebody waits for its verdict. */
export interface Progress {
  /** It is on the log, or was already. First. */
  accepted(status: BroadcastStatus, replayed: boolean): void;
  /** How a member stands has changed. */
  changed(member: MemberOutcome, status: BroadcastStatus): void;
  /** The wait is over. Last. */
  ended(status: BroadcastStatus, exitCode: number): void;
  /** Leaves the terminal as it should be; also when nothing has ended. Idempotent. */
  close(): void;
}

/** Live on a terminal, lines elsewhere, JSON where that is wanted. */
export function progressOf({ stdout, env }: Pick<World, "stdout" | "env">, json: boolean): Progress {
  if (json) return jsonProgress(stdout);
  // A dumb terminal can not go back over what it has shown.
  return stdout.isTTY === true && env.TERM !== "dumb" ? liveProgress(stdout) : lineProgress(stdout);
}
