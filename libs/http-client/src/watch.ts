import type { EventSourceMessage } from "eventsource-parser";
import { type EventStreamParts, EventStreams, objectIn, type Said } from "./event-streams.ts";

export interface WatchParts<T> extends Omit<EventStreamParts<T>, "read" | "lastId" | "begun"> {
  /** Name of the events. */
  readonly event: string;
  /** What one says; undefined for what makes no sense. */
  readonly readItem: (said: object) => T | undefined;
}

/** How old what is known is: that is no news. */
const AGE = "discoveryAgeMs";

/** How it stands now, and again after each change. Every stream begins with how it stands, which may have been told by the one before. */
export function watched<T>({ event, readItem, ...parts }: WatchParts<T>): AsyncIterable<T> {
  let told: string | undefined;
  const read = (message: EventSourceMessage): Said<T> => {
    const value = message.event === event ? readItem(objectIn(message)) : undefined;
    if (value === undefined) return { kind: "nothing" };
    const now = JSON.stringify(value, (name, each) => (name === AGE ? undefined : each));
    if (now === told) return { kind: "seen" };
    told = now;
    return { kind: "news", value };
  };
  return new EventStreams({ ...parts, read }).read();
}
