import {
  type BroadcastStatusJson,
  fromBroadcastJson,
  fromOutcomeJson,
  type MemberOutcomeJson,
} from "@shardcast/protocol/broadcast-json";
import type { EventSourceMessage } from "eventsource-parser";
import { type EventStreamParts, EventStreams, objectIn, type Said } from "../event-streams.ts";
import type { BroadcastChange, BroadcastStatus, MemberOutcome } from "./api.ts";
import { isOver, withOutcome } from "./standing.ts";

export interface ChangeParts extends Omit<EventStreamParts<BroadcastChange>, "read" | "lastId"> {
  /** Only what has changed behind this; how it stands now and what comes where absent. */
  readonly after: number | undefined;
}

/** What changes of a broadcast, until everything final was said, or the scope is over. */
export async function* changesOf({
  after,
  ...parts
}: ChangeParts): AsyncGenerator<BroadcastChange, void, undefined> {
  const standing = new Standing(after);
  const streams = new EventStreams({
    ...parts,
    ...(after === undefined ? {} : { lastId: String(after) }),
    read: (message) => standing.read(message),
  });
  for await (const change of streams.read()) {
    yield change;
    if (standing.isComplete) return;
  }
}

const NOTHING: Said<never> = { kind: "nothing" };

/**
 * How a broadcast stands, kept up to date by its events. Every stream begins with `status`; only that of who knows nothing yet
 * is news, since of what comes behind another event each member is told. Of the events of one change all but the last have
 * the number of the change before, so that none is lost with a stream.
 */
class Standing {
  #known: "nothing" | "some" | "verdict";
  #seq: number;
  #status: BroadcastStatus | undefined;
  /** Everything final was said, and told. */
  isComplete = false;

  constructor(after: number | undefined) {
    this.#known = after === undefined ? "nothing" : "some";
    this.#seq = after ?? -1;
  }

  read(message: EventSourceMessage): Said<BroadcastChange> {
    const told = this.#told(message, objectIn(message));
    const status = this.#status;
    if (told === undefined || status === undefined) return NOTHING;
    const seq = message.id === undefined ? this.#seq : Number(message.id);
    this.isComplete = seq > this.#seq && isOver(status);
    this.#seq = Math.max(seq, this.#seq);
    const isNews = told.length > 0 || (this.#known !== "verdict" && message.event === "verdict");
    if (!isNews) return { kind: this.isComplete ? "ended" : "seen" };
    this.#known = status.verdict === "open" ? "some" : "verdict";
    return { kind: "news", value: { seq: this.#seq, members: told, status } };
  }

  /** Whose standing is news by this event; undefined when it is none of a broadcast's. */
  #told({ event }: EventSourceMessage, said: object): readonly MemberOutcome[] | undefined {
    switch (event) {
      case "status":
      case "verdict": {
        if (!isStatus(said)) return undefined;
        this.#status = fromBroadcastJson(said);
        return this.#known === "nothing" ? this.#status.members : [];
      }
      case "member": {
        if (!isOutcome(said) || this.#status === undefined) return undefined;
        const outcome = fromOutcomeJson(said);
        this.#status = withOutcome(this.#status, outcome);
        return [outcome];
      }
      default:
        return undefined;
    }
  }
}

function isStatus(said: object): said is BroadcastStatusJson {
  return "verdict" in said && "members" in said && Array.isArray(said.members);
}

function isOutcome(said: object): said is MemberOutcomeJson {
  return "member" in said && "state" in said;
}
