import type { Attendance, ControlState } from "@shardcast/control";
import { type ExpectedMember, MAX_EXPECTED, ShardcastError } from "@shardcast/protocol";
import { ordinalOf } from "./roster.ts";

/** Who there is, as a process knows it. */
export interface Members {
  readonly state: ControlState;
  readonly attendance: Pick<Attendance, "alive" | "aliveAs">;
  /** R while nobody has planned; 0 while that is not known, or without durable members. */
  readonly replicas: number;
}

/** Whom a broadcast expects that is accepted now, and by which map. */
export interface Expectation {
  readonly epoch: number;
  readonly expected: readonly ExpectedMember[];
}

/** The same, and whether it is certain that nobody is missing. */
export interface Census extends Expectation {
  /** False while there are durable members, and it is not known how many there are to be. */
  readonly certain: boolean;
}

/**
 * Durable members are all ordinals there are to be, also those that were never heard of; not those that said when they were last
 * up that they take no broadcasts. Ephemeral ones are those that are alive.
 *
 * @throws {ShardcastError} SHARDCAST_OVERLOADED for more members than a broadcast can expect
 */
export function expectNow(members: Members): Census {
  const { state, attendance } = members;
  const replicas = replicasOf(members);
  const alive = attendance.alive();
  if (replicas + alive.length > MAX_EXPECTED) {
    const detail = `${replicas + alive.length} members; a broadcast can expect ${MAX_EXPECTED}`;
    throw new ShardcastError("SHARDCAST_OVERLOADED", detail);
  }
  const expected: ExpectedMember[] = [];
  for (let ordinal = 0; ordinal < replicas; ordinal++) {
    const member = String(ordinal);
    if (state.member(member)?.broadcasts !== false) expected.push({ member });
  }
  for (const member of alive) {
    const incarnation = attendance.aliveAs(member);
    // A name can stand for one member only, and what is durable is waited for.
    if (incarnation !== undefined && !isOrdinalBelow(replicas, member))
      expected.push({ member, incarnation });
  }
  return { epoch: state.map?.epoch ?? 0, expected, certain: replicas > 0 || state.members().size === 0 };
}

/** Whether a member that was expected is still there to do it. */
export function stillExists(members: Members, { member, incarnation }: ExpectedMember): boolean {
  if (incarnation !== undefined) return members.attendance.aliveAs(member) === incarnation;
  return isOrdinalBelow(replicasOf(members), member) && members.state.member(member)?.broadcasts !== false;
}

function replicasOf({ state, replicas }: Members): number {
  return state.map?.replicas ?? replicas;
}

function isOrdinalBelow(replicas: number, member: string): boolean {
  const ordinal = ordinalOf(member);
  return ordinal !== undefined && ordinal < replicas;
}
