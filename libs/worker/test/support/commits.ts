import type { CommitOutcome, CommitWork, Log, MemberSession } from "@shardcast/log";
import { createMemoryLog } from "@shardcast/log/memory";
import { decodeControl, type ReleasedRecord } from "@shardcast/protocol";
import type { World } from "./world.ts";

/** A connection whose sessions' commits go through the test's hands. */
export function commitsThrough(
  world: World,
  commit: (work: CommitWork, session: MemberSession) => Promise<CommitOutcome>,
): Log {
  const log = createMemoryLog({ cluster: world.cluster });
  return {
    ...log,
    get available() {
      return log.available;
    },
    openSession: async (options) => {
      const session = await log.openSession(options);
      return { commit: (work) => commit(work, session), close: () => session.close() };
    },
  };
}

/** The lanes that a commit claims or gives back. */
export function laneRecords({ records = [] }: CommitWork): { state: "owned" | "released"; lane: number }[] {
  return records.map(decodeControl).filter((record): record is ReleasedRecord => record?.kind === "lane");
}

export function isRelease(work: CommitWork): boolean {
  return laneRecords(work).some(({ state }) => state === "released");
}
