const TERMINAL = Symbol.for("shardcast.terminal-error");
const RETRYABLE = Symbol.for("shardcast.retryable-error");

export interface TerminalErrorOptions {
  /** HTTP status for the caller, 400 to 599. Default 422. */
  readonly status?: number;
  /** JSON values for the problem document, e.g. what the caller can do about it. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Thrown by a handler: trying again would not help. The caller gets the message; there are no more attempts. */
export class TerminalError extends Error {
  readonly [TERMINAL] = true;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, { status = 422, details = {}, cause }: TerminalErrorOptions = {}) {
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`status must be 400 to 599, got ${status}`);
    }
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TerminalError";
    this.status = status;
    this.details = details;
  }
}

export interface RetryableErrorOptions {
  /** Do not try again sooner than this, milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** Thrown by a handler to say when to try again. Any other error is retried too, by the worker's own backoff. */
export class RetryableError extends Error {
  readonly [RETRYABLE] = true;
  readonly retryAfterMs: number;

  constructor(message: string, { retryAfterMs = 0, cause }: RetryableErrorOptions = {}) {
    if (!(retryAfterMs >= 0)) throw new RangeError(`retryAfterMs must not be negative, got ${retryAfterMs}`);
    super(message, cause === undefined ? undefined : { cause });
    this.name = "RetryableError";
    this.retryAfterMs = retryAfterMs;
  }
}

/** By brand, not by class: a handler may come with its own copy of this package. */
export function isTerminalError(error: unknown): error is TerminalError {
  return typeof error === "object" && error !== null && (error as { [TERMINAL]?: true })[TERMINAL] === true;
}

export function isRetryableError(error: unknown): error is RetryableError {
  return typeof error === "object" && error !== null && (error as { [RETRYABLE]?: true })[RETRYABLE] === true;
}
