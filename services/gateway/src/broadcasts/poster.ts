import type { Broadcast, BroadcastOptions } from "@shardcast/client";
import type { BroadcastStatus } from "@shardcast/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Backend } from "../backend.ts";
import { sendStream } from "../sse.ts";
import type { Visit } from "../visits.ts";
import { broadcastLocation, sendBroadcast } from "./answers.ts";
import { ndjsonOf } from "./ndjson.ts";
import { NDJSON, type Telling } from "./telling.ts";

/** Puts a broadcast on the log, and waits for what comes of it as long as it is told to. */
export type Send = (options: Required<Pick<BroadcastOptions, "timeoutMs" | "signal">>) => Promise<Broadcast>;

/** For who waits for nothing. */
const NO_WAIT_MS = 1;

/**
 * Sends a broadcast and answers with what comes of it, as the caller wants to be told. Neither his leaving nor the gateway's
 * closing ends the broadcast.
 */
export function postBroadcast(
  { client, closing }: Backend,
  request: FastifyRequest,
  reply: FastifyReply,
  { service, telling, send }: { readonly service: string; readonly telling: Telling; readonly send: Send },
): Promise<void> {
  const visit = request.visit as Visit;
  const wait = new AbortController();
  const timeoutMs = telling.kind === "accepted" ? NO_WAIT_MS : telling.waitMs;
  return answer(send({ timeoutMs, signal: wait.signal }));

  async function answer(sending: Promise<Broadcast>): Promise<void> {
    try {
      const broadcast = await sending;
      // Only from now on: until it is on the log, nobody could say what becomes of it.
      endWith(wait, visit.signal, closing);
      visit.hold(0);
      await tell(broadcast);
    } catch (error) {
      wait.abort();
      // Nobody is there to be answered.
      if (!visit.signal.aborted) throw error;
      reply.hijack();
    }
  }

  async function tell(broadcast: Broadcast): Promise<void> {
    const { id, accepted, replayed } = broadcast;
    reply.header("location", broadcastLocation(service, id)).header("shardcast-broadcast-id", id);
    if (replayed) reply.header("idempotency-replayed", "true");
    if (telling.applied !== undefined) reply.header("preference-applied", telling.applied);
    if (telling.kind === "stream") {
      reply.header("content-type", NDJSON);
      const lines = ndjsonOf(broadcast, () => ended(broadcast));
      // Until the end of it: Fastify would take who has nothing to say yet for one who has nothing to say.
      await sendStream(reply, lines);
      return;
    }
    const status = telling.kind === "accepted" ? accepted : await ended(broadcast);
    wait.abort();
    reply.code(telling.kind === "accepted" || status.verdict === "open" ? 202 : 200);
    sendBroadcast(reply, visit, status);
  }

  /** What is known when there is a verdict, the time is over, or the gateway closes. */
  async function ended(broadcast: Broadcast): Promise<BroadcastStatus> {
    try {
      return await broadcast.ended;
    } catch (error) {
      if (!closing.aborted || visit.signal.aborted) throw error;
      // It was accepted, so he is told that at least.
      return client.broadcasts.status(service, broadcast.id).catch(() => broadcast.accepted);
    }
  }
}

function endWith(wait: AbortController, ...signals: readonly AbortSignal[]): void {
  const ends = AbortSignal.any([...signals]);
  if (ends.aborted) wait.abort();
  else ends.addEventListener("abort", () => wait.abort(), { once: true });
}
