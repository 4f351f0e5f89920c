import { broadcastStatus, type JsonObject, MEMBER_OUTCOME } from "@shardcast/contract/documents";

const TEXT = { type: "string" } as const satisfies JsonObject;
const COUNT = { type: "integer", minimum: 0 } as const satisfies JsonObject;

const PAGE: JsonObject = {
  type: "object",
  required: ["items", "dropped"],
  properties: {
    items: {
      type: "array",
      description: "Newest first.",
      items: { $ref: "#/components/schemas/BroadcastStatus" },
    },
    next: { ...TEXT, description: "`after` of the next page; absent on the last one." },
    dropped: {
      type: "object",
      description: "What was said of broadcasts and did not count, as far as this gateway has seen.",
      properties: {
        unknown: { ...COUNT, description: "Of broadcasts that nobody knows." },
        unexpected: { ...COUNT, description: "Of members that were not expected." },
        stale: { ...COUNT, description: "Of processes that were replaced." },
        late: { ...COUNT, description: "After the final word about the member." },
      },
    },
  },
};

/** Of what is said about broadcasts, by the name of the component. */
export const BROADCAST_SCHEMAS: Readonly<Record<string, JsonObject>> = {
  MemberOutcome: MEMBER_OUTCOME,
  BroadcastStatus: broadcastStatus({ $ref: "#/components/schemas/MemberOutcome" }),
  BroadcastPage: PAGE,
};
