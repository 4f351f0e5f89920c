import type { RequestEnd, ResultEnvelope, ShardcastError } from "@shardcast/protocol";
import { toError, toReply } from "./answer.ts";
import type { Reply } from "./options.ts";

/** What is known of a recorded request. */
export type RequestStatus =
  /** It waits for its turn, or for its time. */
  | { readonly state: "pending"; readonly id: string }
  /** An attempt of its handler is under way, since `atMs` (epoch milliseconds). */
  | { readonly state: "running"; readonly id: string; readonly attempt: number; readonly atMs: number }
  /** An attempt has failed, and there will be another. */
  | {
      readonly state: "retrying";
      readonly id: string;
      readonly attempt: number;
      readonly reason: string;
      readonly atMs: number;
    }
  | EndedStatus;

/** How it ended, with the answer as who waits gets it. */
export interface EndedStatus extends Reply {
  readonly state: "ended";
  readonly end: RequestEnd;
  /** What `request` rejects with; set unless it is `replied` with a handler's answer. */
  readonly error?: ShardcastError;
  /** Attempts that its handler made. */
  readonly attempts: number;
  readonly atMs: number;
}

/** What results say of a request, as callers see it. Nothing: it waits. */
export function statusOf(id: string, result: ResultEnvelope | undefined): RequestStatus {
  if (result === undefined) return { state: "pending", id };
  const { atMs } = result;
  switch (result.kind) {
    case "running":
      return { state: "running", id, attempt: result.attempt, atMs };
    case "retrying":
      return { state: "retrying", id, attempt: result.attempt, reason: result.reason, atMs };
    case "ended": {
      const { end, attempts, error } = result;
      const ended: EndedStatus = { ...toReply(result), state: "ended", end, attempts, atMs };
      return error === undefined ? ended : { ...ended, error: toError(result, error) };
    }
  }
}
