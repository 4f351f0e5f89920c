import type {
  ControlRecord,
  MemberEndedRecord,
  MemberUpRecord,
  OwnedRecord,
  ReleasedRecord,
} from "@shardcast/protocol";

export const LEASE_MS = 1_500;

export function owned(lane: number, member: string, more: Partial<OwnedRecord> = {}): OwnedRecord {
  const incarnation = `${member}a`;
  const uid = `pod-${member}`;
  return { kind: "lane", state: "owned", lane, member, incarnation, uid, leaseMs: LEASE_MS, ...more };
}

export function released(lane: number, member: string, token?: number): ReleasedRecord {
  return { kind: "lane", state: "released", lane, member, ...(token === undefined ? {} : { token }) };
}

export function up(member: string, more: Partial<MemberUpRecord> = {}): MemberUpRecord {
  const incarnation = `${member}a`;
  return {
    kind: "member",
    state: "up",
    member,
    incarnation,
    uid: `pod-${member}`,
    leaseMs: LEASE_MS,
    ...more,
  };
}

export function ended(
  member: string,
  state: "left" | "fenced",
  incarnation = `${member}a`,
): MemberEndedRecord {
  return { kind: "member", state, member, incarnation };
}

export function beat(member: string, incarnation = `${member}a`): ControlRecord {
  return { kind: "beat", member, incarnation };
}

export function planner(holder: string, state: "up" | "beat" | "left"): ControlRecord {
  return { kind: "planner", state, holder };
}

export function map(epoch: number, lanes: readonly number[], replicas = 3): ControlRecord {
  return { kind: "map", epoch, replicas, lanes };
}
