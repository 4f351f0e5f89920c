import type { Logger } from "pino";
import type { HandlerResult } from "./reply.ts";

/** A request as its handler gets it. */
export interface HandlerRequest {
  /** The same at every attempt and every delivery. */
  readonly id: string;
  /** The shard key as text; `keyBytes` for keys that are not UTF-8. */
  readonly key: string;
  readonly keyBytes: Buffer;
  /** Handler name; empty when the caller named none. */
  readonly handler: string;
  readonly contentType: string | undefined;
  /** Headers that the caller sent along; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body as text. */
  text(): string;
  /** The body parsed as JSON. @throws {TerminalError} with status 400 when it is none */
  json<T = unknown>(): T;
}

/** What surrounds one attempt. */
export interface HandlerContext {
  readonly service: string;
  readonly member: string;
  readonly lane: number;
  /**
   * Grows from owner to owner of the lane. Send it along with what is written outside: a store that keeps the greatest it
   * has seen can refuse what a stale owner writes (C2).
   */
  readonly fencingToken: number;
  /** Where the request lies in its lane: grows from request to request of a key. */
  readonly offset: number;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Epoch milliseconds after which nobody waits any more; undefined when nobody waits. */
  readonly deadlineMs: number | undefined;
  /** Milliseconds until the deadline, 0 when it has passed, `Infinity` without one. */
  remainingMs(): number;
  /** W3C Trace Context of the caller. */
  readonly traceparent: string | undefined;
  /**
   * Fires when this member may not go on, because the lane is lost or the grace time of a stop is over (C2), or when somebody
   * has cancelled the request: what the handler throws then ends it as cancelled, what it returns is its reply.
   */
  readonly signal: AbortSignal;
  /** Names service, member, lane, handler and request id in each line. */
  readonly logger: Logger;
}

/**
 * Handles one request. Called for one request of a key at a time, in log order (C1), at least once: a request whose
 * completion was not yet recorded when the process died is handled again.
 *
 * Throw {@link TerminalError} when trying again would not help; anything else thrown is retried.
 */
export type Handler = (
  request: HandlerRequest,
  context: HandlerContext,
) => HandlerResult | Promise<HandlerResult>;
