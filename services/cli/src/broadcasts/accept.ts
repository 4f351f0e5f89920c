import type { Broadcast } from "@shardcast/http-client";
import type { Accepted } from "./wait.ts";

/** Sends a broadcast, and leaves the waiting for it to who shows more than its outcomes. */
export async function accept(
  until: AbortSignal,
  send: (signal: AbortSignal) => Promise<Broadcast>,
): Promise<Accepted> {
  const accepted = new AbortController();
  const broadcast = await send(AbortSignal.any([until, accepted.signal]));
  accepted.abort();
  return { status: broadcast.accepted, replayed: broadcast.replayed };
}
