import type { FastifyReply } from "fastify";

/** Fires when the caller has gone without his answer. */
export function callerOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

/** Answers, unless nobody is there to be answered. */
export async function answering(
  reply: FastifyReply,
  caller: AbortSignal,
  answer: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  try {
    return await answer();
  } catch (error) {
    if (!caller.aborted) throw error;
    return reply.hijack();
  }
}
