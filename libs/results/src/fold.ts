import type { ResultEnvelope } from "@shardcast/protocol";

/** Whether what the log says next of a request replaces what is known of it. The same for everybody who folds. */
export function replaces(news: ResultEnvelope, known: ResultEnvelope | undefined): boolean {
  if (known === undefined) return true;
  if (news.delivery !== known.delivery) return news.delivery > known.delivery;
  if (known.kind !== "ended") return news.kind === "ended" || news.fencingToken >= known.fencingToken;
  if (known.end !== "expired" || news.fencingToken < known.fencingToken) return false;
  // It never completed, so sent again it ran again (C5). Of the run before, "running" may come late: it is older.
  if (news.kind === "ended" && news.end !== "expired") return true;
  return news.fencingToken > known.fencingToken || news.atMs > known.atMs;
}
