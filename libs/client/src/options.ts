import type { Log } from "@shardcast/log";
import type { LaneStrategy } from "@shardcast/routing";
import type { Logger } from "pino";

/** What a client has to know of a service before it can find a key's lane. */
export interface ServiceRoute {
  /** P, the number of lanes; asked of the log where absent. */
  readonly lanes?: number;
  /** R, how many members share the lanes while nobody has planned; the members' one. Default: as many as lanes. */
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
}

export interface RequestOptions extends SendOptions {
  /** How long to wait, milliseconds; travels as the deadline after which no handler starts (C8). Default 30,000. */
  readonly timeoutMs?: number;
  /** Gives up waiting. The request itself stays on the log. */
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
