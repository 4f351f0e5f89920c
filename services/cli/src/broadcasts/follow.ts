import type { HttpClient } from "@shardcast/http-client";
import { type BroadcastStatus, isShardcastError, type MemberOutcome } from "@shardcast/protocol";
import type { Progress } from "./progress.ts";

export interface FollowOptions {
  readonly client: Pick<HttpClient, "broadcasts">;
  readonly service: string;
  /** As it stands; told to `progress` already. */
  readonly from: BroadcastStatus;
  readonly progress: Progress;
  /** Fires when nobody waits any longer. */
  readonly until: AbortSignal;
  /** Until everything final was said, not only until there is a verdict. */
  readonly toTheEnd?: boolean;
}

/** Tells the progress what changes, until the verdict or until nobody waits any longer; returns how it stands then. */
export async function follow(options: FollowOptions): Promise<BroadcastStatus> {
  const { client, service, from, progress, until, toTheEnd = false } = options;
  const told = new Map<string, string>();
  let status = from;

  function tell(next: BroadcastStatus): void {
    status = next;
    for (const member of next.members) {
      const standing = standingOf(member);
      if (told.get(nameOf(member)) === standing) continue;
      told.set(nameOf(member), standing);
      // Everybody waits at first.
      if (member.state !== "waiting") progress.changed(member, next);
    }
  }

  tell(from);
  const isOver = () => until.aborted || (status.verdict !== "open" && !toTheEnd);
  if (isOver()) return status;
  try {
    for await (const change of client.broadcasts.events(service, from.id, { signal: until })) {
      tell(change.status);
      if (isOver()) break;
    }
  } catch (error) {
    // Ended by ourselves: what is known is what counts.
    if (!isOver() || !isShardcastError(error)) throw error;
  }
  return status;
}

/** An ephemeral member may be called like a durable one. */
function nameOf({ kind, member }: MemberOutcome): string {
  return `${kind}/${member}`;
}

function standingOf(member: MemberOutcome): string {
  return member.state === "running" || member.state === "retrying"
    ? `${member.state} ${member.attempt}`
    : member.state;
}
