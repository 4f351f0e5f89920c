import type { IncomingMessage, ServerResponse } from "node:http";
import { ShardcastError } from "@shardcast/protocol";

export interface VisitLimits {
  readonly maxInFlight: number;
  readonly maxBufferedBytes: number;
  readonly bodyLimitBytes: number;
}

/** One request from its headers to the end of its response, and the bytes it may hold meanwhile. */
export interface Visit {
  /** Aborted when the caller disconnects before the response is finished. */
  readonly signal: AbortSignal;
  /** Says how many bytes the visit holds from now on; never refused, since they are here already. */
  hold(bytes: number): void;
}

/**
 * The requests this process is busy with: bounded in number and in bytes of bodies (C7), also while they are still
 * being uploaded or their replies downloaded slowly. Each one is gone with its response or with its connection.
 */
export class Visits {
  readonly #limits: VisitLimits;
  readonly #open = new Set<OpenVisit>();
  #bytes = 0;

  constructor(limits: VisitLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Bytes held or expected. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws {ShardcastError} SHARDCAST_OVERLOADED */
  begin(request: IncomingMessage, response: ServerResponse): Visit {
    const { maxInFlight, maxBufferedBytes, bodyLimitBytes } = this.#limits;
    if (this.#open.size >= maxInFlight) {
      throw new ShardcastError("SHARDCAST_OVERLOADED", `${maxInFlight} requests are in flight already`);
    }
    const bytes = expectedBytes(request, bodyLimitBytes);
    // One request alone is always let in, or a small budget would refuse it for ever.
    if (this.#bytes + bytes > maxBufferedBytes && this.#open.size > 0) {
      throw new ShardcastError("SHARDCAST_OVERLOADED", `${this.#bytes} bytes of bodies are held already`);
    }
    const visit = new OpenVisit(response, (more) => {
      this.#bytes += more;
    });
    visit.hold(bytes);
    this.#open.add(visit);
    const { socket } = request;
    const end = () => {
      if (!this.#open.delete(visit)) return;
      socket.off("close", end);
      visit.end();
    };
    // Not `once`, which wraps each listener; the second call is told by the set.
    response.on("close", end);
    // Up to Node 20 the response to a pipelined request hears of no disconnection before its turn (24 tells it).
    socket.on("close", end);
    return visit;
  }

  /** Tells every caller that the connection will be closed after the response. */
  lastOnTheirConnections(): void {
    for (const { response } of this.#open) {
      if (!response.headersSent) response.setHeader("connection", "close");
    }
  }
}

class OpenVisit implements Visit {
  readonly response: ServerResponse;
  readonly #count: (more: number) => void;
  readonly #abort = new AbortController();
  #bytes = 0;
  #ended = false;

  constructor(response: ServerResponse, count: (more: number) => void) {
    this.response = response;
    this.#count = count;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  hold(bytes: number): void {
    if (this.#ended) return;
    this.#count(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  end(): void {
    this.hold(0);
    this.#ended = true;
    if (!this.response.writableFinished) this.#abort.abort();
  }
}

function expectedBytes({ headers }: IncomingMessage, limit: number): number {
  if (headers["transfer-encoding"] !== undefined) return limit;
  return Math.min(Number(headers["content-length"] ?? 0), limit);
}
