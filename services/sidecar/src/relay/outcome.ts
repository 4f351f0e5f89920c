import { retryAfterMs } from "@shardcast/http-words";
import { PROBLEM_JSON, ShardcastError, toProblem } from "@shardcast/protocol";
import { type HandlerReply, RetryableError, reply, TerminalError } from "@shardcast/worker";
import type { AppAnswer } from "../app/application.ts";
import { carried, fitsHttp } from "./headers.ts";

export interface OutcomeOptions {
  readonly maxReplyBytes: number;
  /** The longest time that the application may ask for, milliseconds: what lies behind it waits as well. */
  readonly maxRetryAfterMs: number;
}

/** Of 4xx, those that another attempt may get past: Request Timeout, Too Early, Too Many Requests. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
const MAX_SHOWN = 200;
const JSON_TYPE = /^application\/([\w.+-]+\+)?json/;

/**
 * What the application's answer means for what was brought to it: 2xx is the reply.
 *
 * @throws {RetryableError} for 408, 425, 429 and 5xx; {@link TerminalError} for the rest
 */
export function outcomeOf(answer: AppAnswer, options: OutcomeOptions): HandlerReply {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return replyOf(answer, options);
  const said = problemIn(answer);
  const answered = said.detail ?? `the application answered ${status}${shown(answer)}`;
  if (status >= 500 || PASSING.has(status)) {
    const asked = retryAfterMs(headers["retry-after"], Date.now());
    throw new RetryableError(answered, { retryAfterMs: Math.min(asked, options.maxRetryAfterMs) });
  }
  throw new TerminalError(answered, { status: status >= 400 ? status : 502, details: said.details });
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

/** What the problem document says itself (RFC 9457); `detail` is the message. */
const OURS: ReadonlySet<string> = new Set([
  "type",
  "title",
  "status",
  "detail",
  "instance",
  "code",
  "retryable",
]);

/** What a JSON object says of why: its `detail`, and all that the caller's problem document can take over. */
function problemIn({ headers, body }: AppAnswer): {
  readonly detail?: string;
  readonly details: Readonly<Record<string, unknown>>;
} {
  const members = jsonObject(headers["content-type"], body);
  const { detail } = members;
  const details = Object.fromEntries(Object.entries(members).filter(([name]) => !OURS.has(name)));
  return typeof detail === "string" && detail !== "" ? { detail, details } : { details };
}

function jsonObject(contentType: string | undefined, body: Buffer): Readonly<Record<string, unknown>> {
  if (!JSON_TYPE.test(contentType ?? "")) return {};
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

/** The beginning of what it says, where that is text: in the status, somebody looks for why. */
function shown({ headers, body }: AppAnswer): string {
  const isText = /^(text\/|application\/([\w.+-]+\+)?json)/.test(headers["content-type"] ?? "");
  const text = isText ? body.toString("utf8").trim().slice(0, MAX_SHOWN) : "";
  return text === "" ? "" : `: ${text}`;
}
