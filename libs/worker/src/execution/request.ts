import type { RequestEnvelope } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { HandlerContext, HandlerRequest } from "../handler.ts";
import type { Cancellation } from "./cancellation.ts";
import { IncomingMessage } from "./incoming-message.ts";

/** The handler's view of a request: a message with a key. */
export class IncomingRequest extends IncomingMessage implements HandlerRequest {
  readonly keyBytes: Buffer;

  constructor(envelope: RequestEnvelope) {
    super(envelope);
    this.keyBytes = envelope.key;
  }

  get key(): string {
    return this.keyBytes.toString("utf8");
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
