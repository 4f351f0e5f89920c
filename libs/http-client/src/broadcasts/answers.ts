import { type BroadcastStatusJson, fromBroadcastJson } from "@shardcast/protocol/broadcast-json";
import { type Answer, jsonOf } from "../answer.ts";
import type { BroadcastPage, BroadcastStatus } from "./api.ts";

/** The broadcast that an answer is about. */
const BROADCAST_ID = "shardcast-broadcast-id";

/** A broadcast as it was accepted. */
export interface AcceptedBroadcast {
  readonly status: BroadcastStatus;
  readonly replayed: boolean;
}

/** Undefined when it is not the gateway that speaks, or for a problem; as all of these. */
export function readAcceptedBroadcast(answer: Answer): AcceptedBroadcast | undefined {
  const status = answer.status === 202 ? statusIn(answer) : undefined;
  if (status === undefined || answer.headers.get(BROADCAST_ID) !== status.id) return undefined;
  return { status, replayed: answer.headers.get("idempotency-replayed") === "true" };
}

export function readBroadcastStatus(answer: Answer): BroadcastStatus | undefined {
  return answer.status === 200 ? statusIn(answer) : undefined;
}

export function readPage(answer: Answer): BroadcastPage | undefined {
  const said = answer.status === 200 ? jsonOf(answer) : undefined;
  if (!Array.isArray(said?.items)) return undefined;
  const { items, next } = said as { readonly items: readonly BroadcastStatusJson[]; readonly next?: string };
  return { items: items.map(fromBroadcastJson), ...(next === undefined ? {} : { next }) };
}

/** That the wish to cancel it is on the log. */
export function readCancelled(answer: Answer): true | undefined {
  return answer.status === 202 && answer.headers.has(BROADCAST_ID) ? true : undefined;
}

function statusIn(answer: Answer): BroadcastStatus | undefined {
  const said = jsonOf(answer);
  return typeof said?.verdict === "string" && Array.isArray(said.members)
    ? fromBroadcastJson(said as unknown as BroadcastStatusJson)
    : undefined;
}
