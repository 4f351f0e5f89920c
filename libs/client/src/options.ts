import type { Log } from "@shardcast/log";
import type { LaneStrategy } from "@shardcast/routing";
import type { Logger } from "pino";

/** What a client has to know of a service before it can find a key's lane. */
export interface ServiceRoute {
  /** P, the number of lanes; asked of the log where absent. */
  readonly lanes?: number;
  /**
   * R, how many members share the lanes while nobody has planned; the members' one. 0: it has no lanes of its own to share out,
   * and only ephemeral members, which take broadcasts. Default: as many as lanes.
   */
  readonly replicas?: number;
  /** Default `murmur2`. Must be the same for everyone who writes to the service. */
  readonly strategy?: LaneStrategy;
}

export interface ConnectOptions {
  /** The connection to the log. It stays the caller's: `client.close()` does not close it. */
  readonly log: Log;
  /** Services to be ready for at once; others are looked up at their first request. */
  readonly services?: Readonly<Record<string, ServiceRoute>>;
  /**
   * Whether `connect` prepares all of `services`, and rejects when one of them can not be called. Default true. With
   * false it resolves at once, and each is prepared on its own: by `client.prepare`, or by its first request.
   */
  readonly prepareServices?: boolean;
  /** Put before every topic's name; must be the workers' one. Default none. */
  readonly topicPrefix?: string;
  /** Name of this client among all that wait for replies; must be unique. Default: a random one. */
  readonly instance?: string;
  /** Requests that may wait for a reply at once; over it `request` rejects with SHARDCAST_OVERLOADED (C7). Default 10,000. */
  readonly maxPending?: number;
  /** The same for one lane, with SHARDCAST_LANE_BUSY. Default: `maxPending`. */
  readonly maxPendingPerLane?: number;
  /**
   * The same for one shard key, with SHARDCAST_KEY_BUSY. Requests that this client submitted, and that have not ended, count
   * as well, unless they are delayed. Default: `maxPendingPerLane`.
   */
  readonly maxPendingPerKey?: number;
  /** Told of every request that is about to be sent: its lane and its key, whose bytes it does not keep. Must not throw. */
  readonly onRequest?: (service: string, lane: number, key: Buffer) => void;
  /**
   * How long results of recorded requests are kept, milliseconds; what the topic of results is configured with. Default one
   * day.
   */
  readonly resultRetentionMs?: number;
  /**
   * How long broadcasts and their acknowledgements are kept, milliseconds; what their topics are configured with. Default one
   * day.
   */
  readonly broadcastRetentionMs?: number;
  /**
   * Also says on the log what no member can say of itself: that it is gone, that a broadcast has expired or was cancelled, of
   * every service whose broadcasts are followed. For processes that run all the time, such as gateways; several may. Default
   * false.
   */
  readonly broadcastKeeper?: boolean;
  /** How far ahead `notBeforeMs` may be, milliseconds; the same for everybody who sends to a service. Default seven days. */
  readonly maxDelayMs?: number;
  readonly logger?: Logger;
}

/** What travels with a request beside its body. */
export interface SendOptions {
  /** Handler name; the worker's default handler where absent. */
  readonly handler?: string;
  /** Default `application/json` for values that are serialised here, none for bytes. */
  readonly contentType?: string;
  /** Headers for the handler: lower-case names. */
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
   * A name of the caller's, 1 to 255 characters. Within the retention of results, requests of one shard key with the same
   * name and content are one request: it runs once, and all get its answer; with another content they are refused with
   * SHARDCAST_IDEMPOTENCY_MISMATCH (C5).
   */
  readonly idempotencyKey?: string;
  /**
   * Cancels the request when the signal fires, for all who asked with its idempotency key. Default false: it stays on the
   * log and runs.
   */
  readonly cancelOnAbort?: boolean;
}

export interface RequestOptions extends SendOptions, IdempotencyOptions {
  /** How long to wait, milliseconds; travels as the deadline after which no handler starts (C8). Default 30,000. */
  readonly timeoutMs?: number;
  /**
   * Publishes again, within `timeoutMs`, what was not accepted because of the log, or of this client's own limits.
   * Default: whether there is an idempotency key. Without one, true makes one: what was not confirmed may be on the log.
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

/** Bytes and strings travel as they are, anything else as JSON. */
export type Body = Uint8Array | string | object | number | boolean | null | undefined;

/** The handler's answer. */
export interface Reply {
  /** The request's id. */
  readonly id: string;
  /** HTTP status the handler chose, 200 unless it said otherwise. */
  readonly status: number;
  readonly contentType?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
