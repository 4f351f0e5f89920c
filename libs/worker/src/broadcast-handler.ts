import type { Logger } from "pino";
import type { HandlerResult } from "./reply.ts";

/** A broadcast as its handler gets it. */
export interface BroadcastMessage {
  /** The same at every attempt and on every member. */
  readonly id: string;
  /** Empty when the caller named none. */
  readonly handler: string;
  readonly contentType: string | undefined;
  /** Headers that the caller sent along; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body as text. */
  text(): string;
  /** The body parsed as JSON. @throws {TerminalError} when it is none */
  json<T = unknown>(): T;
}

/** What surrounds one attempt. */
export interface BroadcastContext {
  readonly service: string;
  readonly member: string;
  /** Where the broadcast lies in `S.broadcast`: the same for every member, and grows from one to the next. */
  readonly offset: number;
  /** 1 for the first attempt of this process. */
  readonly attempt: number;
  /** Whether the sender awaits this member; it may be here since it was sent. */
  readonly expected: boolean;
  /** Epoch milliseconds after which no attempt starts. */
  readonly expiresMs: number;
  /** Milliseconds until then, 0 when it has passed. */
  remainingMs(): number;
  /** W3C Trace Context of the caller. */
  readonly traceparent: string | undefined;
  /** Fires when the broadcast is cancelled, the grace time of a stop is over, or a newer process is this member. */
  readonly signal: AbortSignal;
  /** Names service, member, handler and broadcast id in each line. */
  readonly logger: Logger;
}

/**
 * Handles one broadcast: called on every member at least once (C6); again after a crash that came before its end was recorded.
 * What it returns is this member's reply. Throw {@link TerminalError} when trying again would not help.
 */
export type BroadcastHandler = (
  broadcast: BroadcastMessage,
  context: BroadcastContext,
) => HandlerResult | Promise<HandlerResult>;

export interface BroadcastSubscription {
  /**
   * `ordered` (default): one at a time with all other ordered ones of this member, in the order of the log; one that is
   * tried again holds up those behind it. `concurrent`: as soon as there is room.
   */
  readonly order?: "ordered" | "concurrent";
  /**
   * `lanes`: not before everything is done that lay on this member's lanes when the broadcast arrived: keyed work sent before it
   * comes first. Default: at once.
   */
  readonly after?: "lanes";
  /** Attempts before it is given up here. Default: the worker's. */
  readonly maxAttempts?: number;
}

/** The name that takes every broadcast which no other handler takes. */
export const ANY_BROADCAST = "*";
