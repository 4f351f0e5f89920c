import type { Logger } from "pino";
import type { BroadcastContext } from "../broadcast-handler.ts";
import type { ReceivedBroadcast } from "./received.ts";
import type { BroadcastScope } from "./scope.ts";

/** One attempt's context. Logger and signal are made only when asked for. */
export class BroadcastAttempt implements BroadcastContext {
  readonly #scope: BroadcastScope;
  readonly #received: ReceivedBroadcast;
  #logger: Logger | undefined;
  readonly attempt: number;
  readonly expected: boolean;

  constructor(scope: BroadcastScope, received: ReceivedBroadcast, expected: boolean, attempt: number) {
    this.#scope = scope;
    this.#received = received;
    this.expected = expected;
    this.attempt = attempt;
  }

  get service(): string {
    return this.#scope.service;
  }

  get member(): string {
    return this.#scope.member;
  }

  get offset(): number {
    return this.#received.offset;
  }

  get expiresMs(): number {
    return this.#received.envelope.expiresMs;
  }

  get traceparent(): string | undefined {
    return this.#received.envelope.traceparent;
  }

  get signal(): AbortSignal {
    return this.#received.cancellation.joinedWith(this.#scope.signal);
  }

  remainingMs(): number {
    return Math.max(0, this.expiresMs - Date.now());
  }

  get logger(): Logger {
    const { id: broadcastId, handler } = this.#received.envelope;
    this.#logger ??= this.#scope.logger.child({ broadcastId, handler, attempt: this.attempt });
    return this.#logger;
  }
}
