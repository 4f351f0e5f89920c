import { type ErrorCode, fromProblem, type ReplyEnvelope, ShardcastError } from "@shardcast/protocol";
import type { Reply } from "./options.ts";
import { withRequestId } from "./request-id.ts";

/** What a reply is to who waits for it. */
export function toReply({ id, status, contentType, headers, body }: ReplyEnvelope): Reply {
  const reply = { id, status, headers, body };
  return contentType === undefined ? reply : { ...reply, contentType };
}

/** The error that a reply brings. */
export function toError({ id, status, body }: ReplyEnvelope, code: ErrorCode): ShardcastError {
  const error = fromProblem(body) ?? new ShardcastError(code, "the worker did not say more", { status });
  return withRequestId(error, id);
}
