import type { BroadcastStatus, MemberOutcome } from "@shardcast/protocol";

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
