import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { bounded } from "./bounded.ts";

/** Makes events of what comes. */
export interface Teller<T> {
  /** The events of it, ready to be sent; none when the reader has had them. */
  tell(item: T): readonly string[];
  /** The event that says why there are no more. */
  problem(error: unknown): string;
}

/** A comment: it keeps proxies from taking a quiet stream for a dead one. */
const HEARTBEAT = ":\n\n";
/** Whole numbers that our ids can be. */
const EVENT_ID = /^[0-9]{1,15}$/;
/** Of a reader who has seen nothing. */
const NONE_SEEN = -1;

/** What comes, as server-sent events; the last is a problem when it can not be told any more. */
export async function* serverSentEvents<T>(
  source: AsyncIterable<T>,
  teller: Teller<T>,
  heartbeatMs: number,
): AsyncGenerator<string, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const come = await bounded(next, heartbeatMs);
      if (come === undefined) {
        yield HEARTBEAT;
        continue;
      }
      if (come.done === true) return;
      yield* teller.tell(come.value);
      next = iterator.next();
    }
  } catch (error) {
    yield teller.problem(error);
  } finally {
    // It may be waiting; what it still says is nobody's.
    next.catch(() => {});
    iterator.return?.().catch(() => {});
  }
}

/** @param id after which a reader goes on who comes back; undefined to leave it as it was */
export function eventOf(id: number | undefined, name: string, data: object): string {
  const said = id === undefined ? "" : `id: ${id}\n`;
  return `${said}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Id of the last event that the reader has seen, -1 for none. What is not one of our ids is another's, and says nothing. */
export function lastSeen({ headers }: Pick<FastifyRequest, "headers">): number {
  const header = headers["last-event-id"];
  return typeof header === "string" && EVENT_ID.test(header) ? Number(header) : NONE_SEEN;
}

/** Fastify pipes it: as fast as it is read, and destroyed with the connection. */
export function sendEvents(reply: FastifyReply, stream: AsyncIterable<string>): FastifyReply {
  reply.header("content-type", "text/event-stream");
  return sendStream(reply, stream);
}

/** The same for a stream of another type. */
export function sendStream(reply: FastifyReply, stream: AsyncIterable<string>): FastifyReply {
  // nginx would hold it back. The connection is of no further use: it ends with the stream, also when we close.
  reply.header("cache-control", "no-store").header("x-accel-buffering", "no").header("connection", "close");
  return reply.send(Readable.from(stream));
}
