import {
  type AckAuthor,
  type BroadcastEnvelope,
  type ControlRecord,
  newBroadcastId,
  type UserHeaders,
} from "@shardcast/protocol";
import type { Word } from "../../src/words.ts";
import { SERVICE } from "./world.ts";

const HEADERS: UserHeaders = {};

export function broadcast(fields: Partial<BroadcastEnvelope> = {}): BroadcastEnvelope {
  const acceptedMs = Date.now();
  return {
    id: newBroadcastId(),
    service: SERVICE,
    handler: "reload",
    headers: HEADERS,
    body: Buffer.from("rates"),
    acceptedMs,
    expiresMs: acceptedMs + 60_000,
    ack: { kind: "all" },
    epoch: 0,
    expected: [{ member: "0" }, { member: "1" }, { member: "2" }],
    targeted: false,
    ...fields,
  };
}

/** A durable member is given by its token (default 1), an ephemeral one by its incarnation. */
function author(member: string, as: number | string): AckAuthor {
  return typeof as === "number" ? { member, token: as } : { member, incarnation: as };
}

export function acked(id: string, member: string, as: number | string = 1, body = `done by ${member}`): Word {
  const said = { id, author: author(member, as), atMs: 1_000, attempt: 1 };
  return { kind: "acked", ...said, status: 200, headers: HEADERS, body: Buffer.from(body) };
}

export function failed(id: string, member: string, as: number | string = 1): Word {
  const said = { id, author: author(member, as), atMs: 1_100, attempt: 3 };
  return { kind: "failed", ...said, code: "SHARDCAST_ATTEMPTS_EXHAUSTED", reason: "no room" };
}

export function running(id: string, member: string, as: number | string = 1, attempt = 1): Word {
  return { kind: "running", id, author: author(member, as), atMs: 900 + attempt, attempt };
}

export function retrying(id: string, member: string, as: number | string = 1, attempt = 1): Word {
  return { kind: "retrying", id, author: author(member, as), atMs: 950 + attempt, attempt, reason: "busy" };
}

export function gone(id: string, ...members: (string | readonly [string, string])[]): Word {
  const listed = members.map((each) =>
    typeof each === "string" ? { member: each } : { member: each[0], incarnation: each[1] },
  );
  return { kind: "gone", id, atMs: 1_200, members: listed };
}

export function closed(id: string, why: "expired" | "cancelled" = "expired"): Word {
  return { kind: "closed", id, atMs: 1_300, why };
}

export function beat(member: string, incarnation = `${member}-a`): ControlRecord {
  return { kind: "beat", member, incarnation, ephemeral: true };
}

export function up(member: string, broadcasts: boolean, incarnation = `${member}a`): ControlRecord {
  const life = { member, incarnation, uid: `pod-${member}`, leaseMs: 1_500 };
  return { kind: "member", state: "up", ...life, ...(broadcasts ? { broadcasts: true as const } : {}) };
}

export function map(epoch: number, replicas: number): ControlRecord {
  return { kind: "map", epoch, replicas, lanes: [0, 0] };
}
