import { nowMs } from "../clock.ts";
import type { Member } from "../members/member.ts";
import { type Episode, episode, type Probe } from "./episode.ts";

export interface CleanRestart extends Episode {
  /** From SIGTERM to its process's end. */
  readonly leaveMs: number;
  /** From the new process's spawn to the first line of the program's own. */
  readonly startMs: number;
}

/** SIGKILL, and a new process at once. */
export async function crash(probe: Probe, run: number): Promise<Episode> {
  const { member, lane } = victimOf(probe, run);
  const result = await episode(probe, [lane], member.pid, async () => {
    const atMs = nowMs();
    await member.kill();
    await member.start();
    return atMs;
  });
  await settle(probe, member);
  return result;
}

/** SIGTERM, and a new process when the old one has ended: that is when the time begins. */
export async function cleanRestart(probe: Probe, run: number): Promise<CleanRestart> {
  const { member, lane } = victimOf(probe, run);
  let leaveMs = 0;
  let startMs = 0;
  const result = await episode(probe, [lane], member.pid, async () => {
    const begunMs = nowMs();
    await member.terminate();
    const endedMs = nowMs();
    leaveMs = endedMs - begunMs;
    startMs = await member.start();
    return endedMs;
  });
  await settle(probe, member);
  return { ...result, leaveMs, startMs };
}

/** SIGKILL, and nothing: all lanes of the victim must be served by others. Then it comes back and gets its share. */
export async function lostNode(probe: Probe, run: number): Promise<Episode> {
  const { member } = victimOf(probe, run);
  const result = await episode(probe, member.lanes, member.pid, async () => {
    const atMs = nowMs();
    await member.kill();
    return atMs;
  });
  await member.start();
  await settle(probe, member);
  return result;
}

function victimOf({ cluster: { members } }: Probe, run: number): { member: Member; lane: number } {
  const member = members[run % members.length];
  const lane = member?.lanes[0];
  if (member === undefined || lane === undefined) throw new Error("the member to be hit owns no lane");
  return { member, lane };
}

async function settle({ cluster }: Probe, member: Member): Promise<void> {
  await member.ready();
  await cluster.balanced(cluster.members.length);
}
