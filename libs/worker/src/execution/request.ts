import type { RequestEnvelope } from "@shardcast/protocol";
import type { Logger } from "pino";
import { TerminalError } from "../errors.ts";
import type { HandlerContext, HandlerRequest } from "../handler.ts";
import type { Cancellation } from "./cancellation.ts";

/** The handler's view of an envelope; text and JSON are made only when asked for. */
export class IncomingRequest implements HandlerRequest {
  readonly id: string;
  readonly keyBytes: Buffer;
  readonly handler: string;
  readonly contentType: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;

  constructor(envelope: RequestEnvelope) {
    this.id = envelope.id;
    this.keyBytes = envelope.key;
    this.handler = envelope.handler;
    this.contentType = envelope.contentType;
    this.headers = envelope.headers;
    this.body = envelope.body;
  }

  get key(): string {
    return this.keyBytes.toString("utf8");
  }

  text(): string {
    return this.body.toString("utf8");
  }

  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text()) as T;
    } catch (cause) {
      throw new TerminalError("body: not valid JSON", { status: 400, cause });
    }
  }
}

/** What the attempts of one lane have in common. */
export interface LaneScope {
  readonly service: string;
  readonly member: string;
  readonly lane: number;
  readonly fencingToken: number;
  /** Fires when handlers shall stop. */
  readonly signal: AbortSignal;
  /** Fires when nothing of this owner counts any more; then, or before, the other has fired too. */
  readonly over: AbortSignal;
  readonly lease: LeaseView;
  readonly logger: Logger;
}

/** The part of the lease that executions ask for. */
export interface LeaseView {
  readonly valid: boolean;
  held(signal: AbortSignal): Promise<void>;
}

/** One attempt's context. Logger and signal are made only when asked for: most handlers ask for neither. */
export class AttemptContext implements HandlerContext {
  readonly #scope: LaneScope;
  readonly #envelope: RequestEnvelope;
  readonly #cancellation: Cancellation;
  #logger: Logger | undefined;
  readonly offset: number;
  readonly attempt: number;

  constructor(
    scope: LaneScope,
    envelope: RequestEnvelope,
    cancellation: Cancellation,
    offset: number,
    attempt: number,
  ) {
    this.#scope = scope;
    this.#envelope = envelope;
    this.#cancellation = cancellation;
    this.offset = offset;
    this.attempt = attempt;
  }

  get service(): string {
    return this.#scope.service;
  }

  get member(): string {
    return this.#scope.member;
  }

  get lane(): number {
    return this.#scope.lane;
  }

  get fencingToken(): number {
    return this.#scope.fencingToken;
  }

  get signal(): AbortSignal {
    return this.#cancellation.joinedWith(this.#scope.signal);
  }

  get deadlineMs(): number | undefined {
    return this.#envelope.deadlineMs;
  }

  get traceparent(): string | undefined {
    return this.#envelope.traceparent;
  }

  remainingMs(): number {
    const { deadlineMs } = this.#envelope;
    return deadlineMs === undefined ? Number.POSITIVE_INFINITY : Math.max(0, deadlineMs - Date.now());
  }

  get logger(): Logger {
    const { id, handler } = this.#envelope;
    this.#logger ??= this.#scope.logger.child({ requestId: id, handler, attempt: this.attempt });
    return this.#logger;
  }
}
