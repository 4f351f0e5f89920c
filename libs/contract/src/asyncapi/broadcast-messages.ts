import type { Contract } from "../contract.ts";
import type { JsonObject } from "../documents/json.ts";
import type { Schemas } from "../documents/schemas.ts";
import {
  ackHeaders,
  broadcastCancelHeaders,
  broadcastHeaders,
  closedHeaders,
  goneHeaders,
  joinedHeaders,
} from "./broadcast-headers.ts";
import type { PutMessage } from "./put-message.ts";

/** A broadcast's message, by its name in the document. */
export interface BroadcastMessage {
  readonly broadcast: string;
  readonly description: string | undefined;
  readonly message: string;
}

/** What is said by way of `S.broadcast` and `S.acks` (C6). */
export interface BroadcastMessages {
  readonly broadcasts: readonly BroadcastMessage[];
  readonly cancel: string;
  readonly ack: string;
  readonly gone: string;
  readonly closed: string;
  readonly joined: string;
}

const EMPTY: JsonObject = { description: "Empty." };

/** Undefined where the contract declares no broadcasts: such a service need not have their topics. */
export function broadcastMessagesOf(
  { service, broadcasts = {} }: Contract,
  schemas: Schemas,
  put: PutMessage,
): BroadcastMessages | undefined {
  const declared = Object.entries(broadcasts);
  if (declared.length === 0) return undefined;
  const id: JsonObject = { type: "string", description: "The broadcast's id." };
  return {
    broadcasts: declared.map(([broadcast, { description, input }]) => ({
      broadcast,
      description,
      message: put(
        `${broadcast}_broadcast`,
        `Every replica is told: ${broadcast}`,
        broadcastHeaders(service, broadcast),
        input === undefined ? EMPTY : { ...schemas.add(`${broadcast}_broadcast_input`, input) },
        id,
      ),
    })),
    cancel: put(
      "cancelBroadcast",
      "No further member begins with it",
      broadcastCancelHeaders(service),
      EMPTY,
      id,
    ),
    ack: put(
      "ack",
      "What a member says of a broadcast; of its words the first final one counts",
      ackHeaders(),
      { description: "The member's reply, where it has acted; else empty." },
      id,
    ),
    gone: put(
      "gone",
      "A gateway says that members do not exist any more",
      goneHeaders(),
      {
        type: "array",
        items: {
          type: "object",
          required: ["member"],
          properties: { member: { type: "string" }, incarnation: { type: "string" } },
        },
      },
      id,
    ),
    closed: put("closed", "A gateway says that nobody is awaited any more", closedHeaders(), EMPTY, id),
    joined: put(
      "joined",
      "A new process is this member: what older ones say does not count",
      joinedHeaders(),
      EMPTY,
    ),
  };
}
