import { isShardcastError, ShardcastError } from "@shardcast/protocol";

/**
 * The error with the id of the request it ended, so that a caller can ask for its outcome and an operator can find it
 * on the log. A copy: one error of the log's may end many requests. A fault that is not ours becomes
 * SHARDCAST_INTERNAL, with the fault as its cause.
 */
export function withRequestId(error: unknown, requestId: string): ShardcastError {
  const known = isShardcastError(error)
    ? error
    : new ShardcastError("SHARDCAST_INTERNAL", "the request failed unexpectedly; see the cause", {
        cause: error,
      });
  const { code, message, status, cause, extensions } = known;
  const copy = new ShardcastError(code, message, {
    status,
    cause,
    extensions: { ...extensions, requestId },
  });
  // Where it went wrong, not where it was copied.
  if (known.stack !== undefined) copy.stack = known.stack;
  return copy;
}
