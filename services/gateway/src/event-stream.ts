import type { RequestStatus } from "@shardcast/client";
import { toProblem } from "@shardcast/protocol";
import { stateOf } from "./answers.ts";
import { eventOf, serverSentEvents } from "./sse.ts";

export interface EventStreamOptions {
  /** Where the request can be asked for. */
  readonly location: string;
  readonly heartbeatMs: number;
  /** Id of the last event that the reader has seen; those up to it are not sent again. */
  readonly afterId: number;
}

/** Of `accepted`; the others go by the time of what they tell, so that every gateway gives them the same. */
const ACCEPTED_ID = 0;

/**
 * What comes of a request as server-sent events: `accepted`, `started`, `retrying`, `done`; `problem` when the gateway can
 * not tell any more. Ends after `done`.
 */
export function eventStream(
  events: AsyncIterable<RequestStatus>,
  { location, heartbeatMs, afterId }: EventStreamOptions,
): AsyncGenerator<string, void, undefined> {
  let begun = afterId >= ACCEPTED_ID;
  let lastId = Math.max(afterId, ACCEPTED_ID);

  function tell(status: RequestStatus): readonly string[] {
    const accepted = begun ? [] : [eventOf(ACCEPTED_ID, "accepted", { id: status.id, state: "pending" })];
    begun = true;
    if (status.state === "pending" || isSeen(status, afterId)) return accepted;
    lastId = Math.max(lastId + 1, status.atMs);
    return [...accepted, eventOf(lastId, NAMES[status.state], dataOf(status, location))];
  }

  const problem = (error: unknown) => eventOf(lastId + 1, "problem", toProblem(error));
  return serverSentEvents(events, { tell, problem }, heartbeatMs);
}

/** Whether the reader has had the event of it. */
export function isSeen(status: Exclude<RequestStatus, { state: "pending" }>, afterId: number): boolean {
  return status.atMs <= afterId;
}

const NAMES = { running: "started", retrying: "retrying", ended: "done" } as const;

function dataOf(status: Exclude<RequestStatus, { state: "pending" }>, location: string): object {
  const { id } = status;
  const state = stateOf(status);
  switch (status.state) {
    case "running":
      return { id, state, attempt: status.attempt };
    case "retrying":
      return { id, state, attempt: status.attempt, reason: status.reason };
    case "ended":
      return { id, state, status: status.status, location };
  }
}
