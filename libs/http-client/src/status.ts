import type { ShardcastError } from "@shardcast/protocol/errors";
import { type Answer, jsonOf, problemOf } from "./answer.ts";
import type { Reply } from "./options.ts";
import { replyOf } from "./reply.ts";

/** How a request ended (C3): exactly one of these. */
export type RequestEnd = "replied" | "failed" | "dead-lettered" | "expired" | "cancelled";

/** What is known of a recorded request. */
export type RequestStatus =
  /** It waits for its turn, or for its time. */
  | { readonly state: "pending"; readonly id: string }
  /** An attempt of its handler is under way. */
  | { readonly state: "running"; readonly id: string; readonly attempt: number }
  /** An attempt has failed, and there will be another. */
  | { readonly state: "retrying"; readonly id: string; readonly attempt: number; readonly reason: string }
  | EndedStatus;

/** How it ended, with the answer as who waits gets it. */
export interface EndedStatus extends Reply {
  readonly state: "ended";
  readonly end: RequestEnd;
  /** What `request` rejects with; set unless it is `replied` with a handler's answer. */
  readonly error?: ShardcastError;
}

const ENDS: ReadonlySet<string> = new Set<RequestEnd>([
  "replied",
  "failed",
  "dead-lettered",
  "expired",
  "cancelled",
]);

/** What an answer says of a request; undefined for a problem with the question, and when it is not the gateway that speaks. */
export function readStatus(id: string, answer: Answer): RequestStatus | undefined {
  const state = answer.headers.get("shardcast-request-state") ?? "";
  if (!ENDS.has(state)) return statusOf(id, { state, ...jsonOf(answer) });
  const ended: EndedStatus = { ...replyOf(id, answer), state: "ended", end: state as RequestEnd };
  const error = problemOf(answer);
  return error === undefined ? ended : { ...ended, error };
}

/** The same of a request that has not ended, as both answers and events tell it. */
export function statusOf(
  id: string,
  { state, attempt, reason }: Readonly<Record<string, unknown>>,
): RequestStatus | undefined {
  switch (state) {
    case "pending":
      return { state, id };
    case "running":
      return { state, id, attempt: Number(attempt) };
    case "retrying":
      return { state, id, attempt: Number(attempt), reason: String(reason) };
    default:
      return undefined;
  }
}
