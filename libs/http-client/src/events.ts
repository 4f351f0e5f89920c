import type { EventSourceMessage } from "eventsource-parser";
import { EventStreams, objectIn, type Said } from "./event-streams.ts";
import type { Backoff } from "./retry.ts";
import type { Scope } from "./scopes.ts";
import { type RequestStatus, statusOf } from "./status.ts";
import type { Transport } from "./transport.ts";

export interface EventParts {
  readonly id: string;
  /** Of its events. */
  readonly path: string;
  readonly transport: Transport;
  readonly scope: Scope;
  readonly backoff: Backoff;
  /** Asks how it ended, once it has. */
  readonly end: () => Promise<RequestStatus>;
}

/** What comes of one request, to its end, or the scope's. */
export async function* statusEvents({
  id,
  scope,
  end,
  ...parts
}: EventParts): AsyncGenerator<RequestStatus, void, undefined> {
  yield* new EventStreams({ ...parts, scope, read: (message) => readStatus(id, message) }).read();
  if (scope.error === undefined) yield await end();
}

function readStatus(id: string, message: EventSourceMessage): Said<RequestStatus> {
  if (message.event === "done") return { kind: "ended" };
  const value = statusOf(id, objectIn(message));
  return value === undefined ? { kind: "nothing" } : { kind: "news", value };
}
