import type { Conclusion } from "../checker/history.ts";
import type { Posted } from "./post.ts";

/** Errors that come before a request is put on the log, whatever else they may mean. */
const BEFORE: ReadonlySet<string> = new Set([
  "SHARDCAST_OVERLOADED",
  "SHARDCAST_LANE_BUSY",
  "SHARDCAST_KEY_BUSY",
]);

/** What a caller may conclude from what came of its request. */
export function conclude(posted: Posted): Conclusion {
  if (posted.kind === "unsent") return { kind: "refused", why: posted.code };
  if (posted.kind === "lost") return { kind: "unknown", why: posted.code };
  const { status, requestId, body } = posted;
  if (status >= 200 && status < 300) {
    return { kind: "done", id: requestId ?? "", answered: JSON.parse(body) };
  }
  const code = codeOf(body) ?? `HTTP ${status}`;
  if (code === "SHARDCAST_ATTEMPTS_EXHAUSTED" && requestId !== undefined) {
    return { kind: "failed", id: requestId, code };
  }
  // A gateway that closes refuses at the door, without an id; what it had taken may be on the log.
  const refused = BEFORE.has(code) || (code === "SHARDCAST_CLOSED" && requestId === undefined);
  return { kind: refused ? "refused" : "unknown", why: code };
}

function codeOf(body: string): string | undefined {
  try {
    const { code } = JSON.parse(body) as { readonly code?: unknown };
    return typeof code === "string" ? code : undefined;
  } catch {
    return undefined;
  }
}
