import type { Writable } from "node:stream";
import type { ConnectHttpOptions, HttpClient } from "@shardcast/http-client";

/** A stream that may be a terminal. */
export type Output = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** What a call touches of the process and the network: tests have another one. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths begin. */
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** For results. */
  readonly stdout: Output;
  /** For everything else. */
  readonly stderr: Output;
  /** Fires with an `Interrupted` when the process is to end. */
  readonly signal: AbortSignal;
  readonly connect: (options: ConnectHttpOptions) => HttpClient;
  readonly fetch: typeof globalThis.fetch;
}
