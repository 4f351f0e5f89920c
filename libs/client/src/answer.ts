import {
  type ErrorCode,
  fromProblem,
  type ReplyEnvelope,
  type ResultEnd,
  ShardcastError,
} from "@shardcast/protocol";
import type { Reply } from "./options.ts";
import { withRequestId } from "./request-id.ts";

/** What a request ended with, be it sent to who waits or recorded: the two say the same. */
type Answer = Pick<ReplyEnvelope | ResultEnd, "id" | "status" | "contentType" | "headers" | "body">;

/** What a reply is to who waits for it. */
export function toReply({ id, status, contentType, headers, body }: Answer): Reply {
  const reply = { id, status, headers, body };
  return contentType === undefined ? reply : { ...reply, contentType };
}

/** The error that a reply brings. */
export function toError({ id, status, body }: Answer, code: ErrorCode): ShardcastError {
  const error = fromProblem(body) ?? new ShardcastError(code, "the worker did not say more", { status });
  return withRequestId(error, id);
}
