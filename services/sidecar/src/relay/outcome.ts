import { PROBLEM_JSON, ShardcastError, toProblem } from "@shardcast/protocol";
import { type HandlerReply, RetryableError, reply, TerminalError } from "@shardcast/worker";
import type { AppAnswer } from "../app/application.ts";
import { carried, fitsHttp } from "./headers.ts";
import { retryAfterMs } from "./retry-after.ts";

export interface OutcomeOptions {
  readonly maxReplyBytes: number;
  /** The longest time that the application may ask for, milliseconds: what lies behind it waits as well. */
  readonly maxRetryAfterMs: number;
}

/** Of 4xx, those that another attempt may get past: Request Timeout, Too Early, Too Many Requests. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
const MAX_SHOWN = 200;

/**
 * What the application's answer means for the broadcast: 2xx is this member's reply.
 *
 * @throws {RetryableError} for 408, 425, 429 and 5xx; {@link TerminalError} for the rest
 */
export function outcomeOf(answer: AppAnswer, options: OutcomeOptions): HandlerReply {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return replyOf(answer, options);
  const answered = `the application answered ${status}${shown(answer)}`;
  if (status >= 500 || PASSING.has(status)) {
    const asked = retryAfterMs(headers["retry-after"], Date.now());
    throw new RetryableError(answered, { retryAfterMs: Math.min(asked, options.maxRetryAfterMs) });
  }
  throw new TerminalError(answered, { status: status >= 400 ? status : 502 });
}

function replyOf(
  { status, headers, body, tooLarge }: AppAnswer,
  { maxReplyBytes }: OutcomeOptions,
): HandlerReply {
  // It has acted: another attempt would only have it act once more.
  if (tooLarge) {
    const detail = `the application acted, and its answer has more than ${maxReplyBytes} bytes`;
    const problem = toProblem(new ShardcastError("SHARDCAST_REPLY_TOO_LARGE", detail));
    return reply({ status: problem.status, body: problem, contentType: PROBLEM_JSON });
  }
  const fitting = Object.entries(carried(headers)).filter(([name, value]) => fitsHttp(name, value));
  const contentType = headers["content-type"];
  return reply({
    status,
    headers: Object.fromEntries(fitting),
    ...(body.byteLength === 0 ? {} : { body }),
    ...(contentType === undefined || !fitsHttp("content-type", contentType) ? {} : { contentType }),
  });
}

/** The beginning of what it says, where that is text: in the status, somebody looks for why. */
function shown({ headers, body }: AppAnswer): string {
  const isText = /^(text\/|application\/([\w.+-]+\+)?json)/.test(headers["content-type"] ?? "");
  const text = isText ? body.toString("utf8").trim().slice(0, MAX_SHOWN) : "";
  return text === "" ? "" : `: ${text}`;
}
