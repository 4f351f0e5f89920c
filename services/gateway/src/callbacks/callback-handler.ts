import { retryAfterMs } from "@shardcast/http-words";
import { CALLBACK_URL_HEADER, isShardcastError } from "@shardcast/protocol";
import { type Handler, type HandlerRequest, RetryableError, TerminalError } from "@shardcast/worker";
import { ForbiddenAddress } from "./addresses.ts";
import { assertCallbackUrl } from "./callback-url.ts";
import type { CallbackSettings } from "./options.ts";
import type { Posted, Poster } from "./poster.ts";
import { signatureOf } from "./signature.ts";

export interface CallbackHandlerOptions {
  readonly poster: Poster;
  readonly settings: CallbackSettings & { readonly callbackSecret: string };
}

const GONE = 410;
/** What may say when to come again. */
const ASKS_FOR_TIME: ReadonlySet<number> = new Set([429, 503]);

/**
 * Handles the requests of a callback service: POSTs the answer in each to its URL. 2xx ends it, 410 and what may not be
 * called back give it up, all else is tried again.
 */
export function callbackHandler({ poster, settings }: CallbackHandlerOptions): Handler {
  return async (request, { signal, traceparent }) => {
    const url = targetOf(request, settings);
    const headers = headersOf(request, settings.callbackSecret, traceparent);
    let posted: Posted;
    try {
      posted = await poster.post(url, headers, request.body, signal);
    } catch (cause) {
      // Nobody has made it so by accident, and each further attempt would ask once more.
      if (cause instanceof ForbiddenAddress) throw new TerminalError(cause.message, { cause });
      throw new RetryableError(`${url.host} could not be reached: ${messageOf(cause)}`, { cause });
    }
    const { status } = posted;
    if (status >= 200 && status < 300) return;
    const answered = `${url.host} answered ${status}`;
    if (status === GONE) throw new TerminalError(answered);
    const asked = ASKS_FOR_TIME.has(status) ? retryAfterMs(posted.retryAfter, Date.now()) : 0;
    // Whoever asks for a year would keep the key, and in the end the lane, from going on (C9).
    throw new RetryableError(answered, { retryAfterMs: Math.min(asked, settings.callbackRetryMaxMs) });
  };
}

/** Looked at again: the request may be older than the list, and anybody who writes on the log may have written it. */
function targetOf({ headers }: HandlerRequest, settings: CallbackSettings): URL {
  try {
    return assertCallbackUrl(headers[CALLBACK_URL_HEADER] ?? "", settings);
  } catch (cause) {
    if (!isShardcastError(cause)) throw cause;
    throw new TerminalError(cause.message, { cause });
  }
}

function headersOf(
  { id, headers, contentType, body }: HandlerRequest,
  secrets: string,
  traceparent: string | undefined,
): Record<string, string> {
  const told = Object.entries(headers).filter(([name]) => name.startsWith("shardcast-"));
  return {
    ...Object.fromEntries(told),
    ...signatureOf(secrets, id, body, Date.now()),
    "user-agent": "shardcast",
    ...(contentType === undefined ? {} : { "content-type": contentType }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** A failure to connect to each of several addresses has its reasons inside. */
function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(messageOf).join("; ");
  return thrown instanceof Error ? thrown.message : String(thrown);
}
