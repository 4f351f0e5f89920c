import type { MemberProgress } from "@shardcast/protocol";
import type { Said } from "./words.ts";

type State = MemberProgress["state"];

const FINAL: ReadonlySet<State> = new Set<State>(["acked", "failed", "expired", "cancelled", "gone"]);

export function isFinal(state: State): boolean {
  return FINAL.has(state);
}

/** How the member stands that has said this. */
export function progressOf(word: Said): MemberProgress {
  const { atMs, attempt } = word;
  switch (word.kind) {
    case "running":
      return { state: "running", attempt, atMs };
    case "retrying":
      return { state: "retrying", attempt, atMs, reason: word.reason };
    case "failed":
      return { state: "failed", attempts: attempt, atMs, code: word.code, reason: word.reason };
    case "acked": {
      const { status, contentType, headers } = word;
      // A copy: the log hands out parts of whole batches, which would stay in memory with it (C7).
      const reply = { status, headers, body: new Uint8Array(word.body) };
      return {
        ...{ state: "acked", attempt, atMs },
        reply: contentType === undefined ? reply : { ...reply, contentType },
      };
    }
  }
}

/** Whether it says nothing new; of what is final each word is news. */
export function isSame(next: MemberProgress, before: MemberProgress | undefined): boolean {
  if (next.state !== "running" && next.state !== "retrying") return false;
  if (before?.state !== next.state || before.attempt !== next.attempt || before.atMs !== next.atMs)
    return false;
  return next.state === "running" || (before.state === "retrying" && before.reason === next.reason);
}
