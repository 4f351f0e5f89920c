import { ERROR_TABLE, type ErrorCode } from "./error-table.ts";

const BRAND = Symbol.for("shardcast.error");

export interface ShardcastErrorOptions {
  readonly cause?: unknown;
  /** Overrides the table's HTTP status, for errors whose thrower chooses it (TerminalError). */
  readonly status?: number;
  /** More members for the problem document; JSON values only. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** An error with a row in the table. Recognise it by {@link isShardcastError}, never by class identity. */
export class ShardcastError extends Error {
  readonly [BRAND] = true;
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail: string, options: ShardcastErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    const row = ERROR_TABLE[code];
    this.name = "ShardcastError";
    this.code = code;
    this.status = options.status ?? row.status;
    this.retryable = row.retryable;
    this.extensions = options.extensions ?? {};
  }
}

/** True for errors of any copy of this package: two versions in one process do not share a class. */
export function isShardcastError(error: unknown): error is ShardcastError {
  return typeof error === "object" && error !== null && (error as { [BRAND]?: true })[BRAND] === true;
}
