import {
  PROBLEM_JSON,
  type ReplyEnvelope,
  type RequestEnd,
  type ResultEnd,
  ShardcastError,
  toProblem,
} from "@shardcast/protocol";
import type { HandlerReply } from "../reply.ts";
import type { Outcome } from "./outcome.ts";

/** What who waits gets. */
export type Answer = Pick<ReplyEnvelope, "status" | "error" | "contentType" | "headers" | "body">;

/** An outcome that is one: the request has ended. */
export type Ended = Exclude<Outcome, { kind: "abandoned" }>;

const END_OF = {
  replied: "replied",
  failed: "failed",
  exhausted: "dead-lettered",
  expired: "expired",
  cancelled: "cancelled",
} as const satisfies Record<Ended["kind"], RequestEnd>;

export function answerOf(outcome: Ended): Answer {
  return outcome.kind === "replied" ? replyAnswer(outcome.reply) : problemAnswer(outcome.error);
}

export function replyAnswer({ status, contentType, headers, body }: HandlerReply): Answer {
  return { status, headers, body, ...(contentType === undefined ? {} : { contentType }) };
}

export function problemAnswer(error: ShardcastError): Answer {
  return {
    status: error.status,
    error: error.code,
    contentType: PROBLEM_JSON,
    headers: {},
    body: problemBody(error),
  };
}

/** In the place of an answer that the log does not take. */
export function tooLarge({ body }: Answer): Answer {
  const detail = `the reply has ${body.byteLength} bytes`;
  return problemAnswer(new ShardcastError("SHARDCAST_REPLY_TOO_LARGE", detail));
}

/** What was recorded, as who asks again gets it (C5). */
export function recordedAnswer({ status, error, contentType, headers, body }: ResultEnd): Answer {
  return {
    status,
    headers,
    body,
    ...(error === undefined ? {} : { error }),
    ...(contentType === undefined ? {} : { contentType }),
  };
}

/** How the request ended, as it is recorded. A reply that nobody could get is none. */
export function endOf({ kind }: Ended, { error }: Answer): RequestEnd {
  return kind === "replied" && error !== undefined ? "failed" : END_OF[kind];
}

/** What a handler gave as details may be no JSON; the caller then gets the problem without. */
function problemBody(error: ShardcastError): Buffer {
  try {
    return Buffer.from(JSON.stringify(toProblem(error)));
  } catch {
    const { code, message, status } = error;
    return Buffer.from(JSON.stringify(toProblem(new ShardcastError(code, message, { status }))));
  }
}
