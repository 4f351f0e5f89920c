import type { JsonObject } from "@shardcast/contract/documents";

const TEXT = { type: "string" } as const satisfies JsonObject;
const COUNT = { type: "integer", minimum: 0 } as const satisfies JsonObject;
const EPOCH_MS = { ...COUNT, description: "Epoch milliseconds." } as const satisfies JsonObject;

const REPLY: JsonObject = {
  type: "object",
  description: "What the member replied; `body` where that is UTF-8, else `bodyBase64`.",
  required: ["status", "headers"],
  properties: {
    status: { type: "integer" },
    contentType: TEXT,
    headers: { type: "object", additionalProperties: TEXT },
    body: TEXT,
    bodyBase64: { ...TEXT, contentEncoding: "base64" },
  },
};

const OUTCOME: JsonObject = {
  type: "object",
  description: "How an expected member stands to a broadcast.",
  required: ["member", "kind", "state"],
  properties: {
    member: TEXT,
    kind: {
      ...TEXT,
      enum: ["durable", "ephemeral"],
      description: "`durable`: also awaited while it is down. `ephemeral`: while it lives.",
    },
    state: {
      ...TEXT,
      enum: ["waiting", "running", "retrying", "acked", "failed", "expired", "cancelled", "gone"],
      description:
        "From `acked` on, final. `gone`: removed, or an ephemeral member that died; neither for nor against.",
    },
    atMs: EPOCH_MS,
    attempt: COUNT,
    attempts: COUNT,
    code: { ...TEXT, description: "Of the error that it failed with." },
    reason: TEXT,
    reply: { $ref: "#/components/schemas/MemberReply" },
  },
};

const STATUS: JsonObject = {
  type: "object",
  description: "All that is known of a broadcast (C6).",
  required: [
    ...["id", "service", "handler", "ack", "acceptedMs", "expiresMs", "epoch"],
    ...["verdict", "partial", "members"],
  ],
  properties: {
    id: TEXT,
    service: TEXT,
    handler: { ...TEXT, description: "Empty for the default handler." },
    ack: { oneOf: [{ enum: ["all", "quorum", "none"] }, { type: "integer", minimum: 1 }] },
    acceptedMs: EPOCH_MS,
    expiresMs: EPOCH_MS,
    epoch: { ...COUNT, description: "Of the shard map when it was accepted." },
    verdict: {
      ...TEXT,
      enum: ["satisfied", "partly", "failed", "open"],
      description: "`satisfied`: as many have acknowledged as were asked for; that stays so.",
    },
    reason: {
      ...TEXT,
      enum: [
        ...["all-answered", "count-reached", "quorum", "not-awaited"],
        ...["expired", "cancelled", "deadline"],
      ],
      description: "`deadline`: there is no verdict, and whoever waited does not wait any longer.",
    },
    partial: { type: "boolean", description: "Not every expected member has acknowledged." },
    members: { type: "array", items: { $ref: "#/components/schemas/MemberOutcome" } },
    redriveOf: TEXT,
  },
};

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
  MemberReply: REPLY,
  MemberOutcome: OUTCOME,
  BroadcastStatus: STATUS,
  BroadcastPage: PAGE,
};
