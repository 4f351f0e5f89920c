import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
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
  /** No Set: its outgrown tables point to their successors, and by that keep every request until a full collection. */
  readonly #open: OpenVisit[] = [];
  readonly #byConnection = new WeakMap<Socket, OpenVisit[]>();
  #bytes = 0;

  constructor(limits: VisitLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.length;
  }

  /** Bytes held or expected. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws {ShardcastError} SHARDCAST_OVERLOADED */
  begin(request: IncomingMessage, response: ServerResponse): Visit {
    const { maxInFlight, maxBufferedBytes, bodyLimitBytes } = this.#limits;
    if (this.#open.length >= maxInFlight) {
      throw new ShardcastError("SHARDCAST_OVERLOADED", `${maxInFlight} requests are in flight already`);
    }
    const bytes = expectedBytes(request, bodyLimitBytes);
    // One request alone is always let in, or a small budget would refuse it for ever.
    if (this.#bytes + bytes > maxBufferedBytes && this.#open.length > 0) {
      throw new ShardcastError("SHARDCAST_OVERLOADED", `${this.#bytes} bytes of bodies are held already`);
    }
    const visit = new OpenVisit(response, this.#open.length, this.#count);
    visit.hold(bytes);
    this.#open.push(visit);
    const ofConnection = this.#openOf(request.socket);
    ofConnection.push(visit);
    // Not `once`, which wraps each listener.
    response.on("close", () => {
      if (visit.ended) return;
      ofConnection.splice(ofConnection.indexOf(visit), 1);
      this.#end(visit);
    });
    return visit;
  }

  /**
   * Those of a connection: up to Node 22 the response to a pipelined request hears of no disconnection before its turn (24 tells it).
   * One listener for them all, since most connections have many requests.
   */
  #openOf(socket: Socket): OpenVisit[] {
    const known = this.#byConnection.get(socket);
    if (known !== undefined) return known;
    const visits: OpenVisit[] = [];
    this.#byConnection.set(socket, visits);
    socket.on("close", () => {
      for (const visit of visits.splice(0)) this.#end(visit);
    });
    return visits;
  }

  #end(visit: OpenVisit): void {
    this.#remove(visit);
    visit.end();
  }

  /** Tells every caller that the connection will be closed after the response. */
  lastOnTheirConnections(): void {
    for (const { response } of this.#open) {
      if (!response.headersSent) response.setHeader("connection", "close");
    }
  }

  readonly #count = (more: number): void => {
    this.#bytes += more;
  };

  /** The last one takes its place. */
  #remove({ place }: OpenVisit): void {
    const last = this.#open.pop() as OpenVisit;
    if (last.place === place) return;
    this.#open[place] = last;
    last.place = place;
  }
}

class OpenVisit implements Visit {
  readonly response: ServerResponse;
  /** Among those that are open. */
  place: number;
  ended = false;
  readonly #count: (more: number) => void;
  /** Made for those that ask for it, which are few. */
  #abort: AbortController | undefined;
  #left = false;
  #bytes = 0;

  constructor(response: ServerResponse, place: number, count: (more: number) => void) {
    this.response = response;
    this.place = place;
    this.#count = count;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#left) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  hold(bytes: number): void {
    if (this.ended) return;
    this.#count(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  end(): void {
    this.hold(0);
    this.ended = true;
    this.#left = !this.response.writableFinished;
    if (this.#left) this.#abort?.abort();
  }
}

function expectedBytes({ headers }: IncomingMessage, limit: number): number {
  if (headers["transfer-encoding"] !== undefined) return limit;
  return Math.min(Number(headers["content-length"] ?? 0), limit);
}
