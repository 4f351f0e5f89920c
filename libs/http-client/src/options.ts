/** A UTF-8 string, or the bytes of one: what is in a path is text. */
export type ShardKey = string | Uint8Array;

export interface ConnectHttpOptions {
  /** Where the gateway is, e.g. `https://shards.example`; a path in it is put before the gateway's own. */
  readonly url: string | URL;
  /** Sent with every call, e.g. what a proxy before the gateway asks for. For what changes, see `fetch`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the calls: for tokens that expire, certificates, proxies. Default: the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  readonly retry?: BackoffOptions;
}

/** How long to wait before a call is made again; doubles from the shortest to the longest, with jitter. */
export interface BackoffOptions {
  /** Milliseconds. Default 100. */
  readonly minMs?: number;
  /** Milliseconds. Default 5,000. */
  readonly maxMs?: number;
}

/** What travels with a request beside its body. */
export interface SendOptions {
  /** Handler name; the worker's default handler where absent. */
  readonly handler?: string;
  /** Default `application/json` for values that are serialised here, none for bytes. */
  readonly contentType?: string;
  /** Headers for the handler: lower-case names. It gets those that the gateway's `forwardHeaders` names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** W3C Trace Context. */
  readonly traceparent?: string;
  /** Epoch milliseconds before which no handler starts; before the deadline, where there is one. Default: at once. */
  readonly notBeforeMs?: number;
}

/** How a request is to be found again, and who is told. */
export interface IdempotencyOptions {
  /**
   * Where the answer is POSTed to once the request has ended, by a gateway that is configured for it. The request is
   * recorded then.
   */
  readonly callbackUrl?: string;
  /**
   * A name of the caller's, 1 to 255 printable ASCII characters. Within the retention of results, requests of one shard key
   * with the same name and content are one request: it runs once, and all get its answer; with another content they are
   * refused with SHARDCAST_IDEMPOTENCY_MISMATCH (C5).
   */
  readonly idempotencyKey?: string;
  /**
   * Cancels the request when the signal fires, for all who asked with its idempotency key; and when the connection is lost,
   * which the gateway can not tell from that. Default false: it stays on the log and runs.
   */
  readonly cancelOnAbort?: boolean;
}

export interface RequestOptions extends SendOptions, IdempotencyOptions {
  /** How long to wait, milliseconds; travels as the deadline after which no handler starts (C8). Default 30,000. */
  readonly timeoutMs?: number;
  /**
   * Sends again, within `timeoutMs`, what was lost on its way or back, or refused for now. Default: whether there is an
   * idempotency key. Without one, true makes one: what was lost may have been accepted.
   */
  readonly retry?: boolean;
  /** Gives up waiting. The request itself stays on the log, see `cancelOnAbort`. */
  readonly signal?: AbortSignal;
}

export interface SubmitOptions extends SendOptions, IdempotencyOptions {
  /** Milliseconds after which no handler starts (C8). Default: none. */
  readonly timeoutMs?: number;
  /** How long to wait for the answer, milliseconds. Default: not at all. */
  readonly waitMs?: number;
  /** Gives up waiting. */
  readonly signal?: AbortSignal;
}

/** A request that is on the log, and can be asked for by its id. */
export interface Submitted {
  readonly id: string;
  /** Its answer, where that came in time. */
  readonly reply?: Reply;
}

export interface ResultOptions {
  /** How long to wait for the end, milliseconds. Default: not at all. */
  readonly waitMs?: number;
  /** Gives up waiting. */
  readonly signal?: AbortSignal;
}

export interface EventOptions {
  /** Ends the events. */
  readonly signal?: AbortSignal;
}

export interface WatchOptions {
  /** Ends the watching. */
  readonly signal?: AbortSignal;
}

/** Bytes and strings travel as they are, anything else as JSON. */
export type Body = Uint8Array | string | object | number | boolean | null | undefined;

/** The handler's answer. */
export interface Reply {
  /** The request's id. */
  readonly id: string;
  /** HTTP status the handler chose, 200 unless it said otherwise. */
  readonly status: number;
  readonly contentType?: string;
  /** What the gateway and the connection added is left out, as far as that can be told. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
