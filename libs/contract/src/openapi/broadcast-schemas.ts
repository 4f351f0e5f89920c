import type { BroadcastVerdict, MemberProgress, VerdictReason } from "@shardcast/protocol";
import type { JsonObject } from "../documents/json.ts";
import type { Ref, Schemas } from "../documents/schemas.ts";

const STATES: Readonly<Record<MemberProgress["state"], true>> = {
  waiting: true,
  running: true,
  retrying: true,
  acked: true,
  failed: true,
  expired: true,
  cancelled: true,
  gone: true,
};
const VERDICTS: Readonly<Record<BroadcastVerdict, true>> = {
  satisfied: true,
  partly: true,
  failed: true,
  open: true,
};
const REASONS: Readonly<Record<VerdictReason, true>> = {
  "all-answered": true,
  "count-reached": true,
  quorum: true,
  "not-awaited": true,
  expired: true,
  cancelled: true,
  deadline: true,
};

const text: JsonObject = { type: "string" };
const atMs: JsonObject = { type: "integer", description: "Epoch milliseconds." };
const attempts: JsonObject = { type: "integer", minimum: 0 };

/** How one expected member stands to a broadcast. */
export const MEMBER_OUTCOME: JsonObject = {
  type: "object",
  description: "How one expected member stands to a broadcast; from `acked` on that is final.",
  required: ["member", "kind", "state"],
  properties: {
    member: text,
    kind: {
      type: "string",
      enum: ["durable", "ephemeral"],
      description: "`durable`: also awaited while it is down. `ephemeral`: while it lives.",
    },
    state: {
      type: "string",
      enum: Object.keys(STATES),
      description: "`gone`: removed, or an ephemeral member that died; it counts neither for nor against.",
    },
    atMs,
    attempt: attempts,
    attempts,
    reason: { type: "string", description: "Why the last attempt failed." },
    code: { type: "string", description: "Of the error that it was given up with." },
    reply: {
      type: "object",
      description: "Of a member that has acted. The body is text, or base64 where it is none.",
      required: ["status", "headers"],
      properties: {
        status: { type: "integer" },
        contentType: text,
        headers: { type: "object", additionalProperties: text },
        body: text,
        bodyBase64: { type: "string", contentEncoding: "base64" },
      },
    },
  },
};

/** All that is known of a broadcast (C6); `outcome` is where {@link MEMBER_OUTCOME} is. */
export function broadcastStatus(outcome: Ref): JsonObject {
  return {
    type: "object",
    description: "All that is known of a broadcast (C6).",
    required: [
      ...["id", "service", "handler", "ack", "acceptedMs", "expiresMs", "epoch"],
      ...["verdict", "partial", "members"],
    ],
    properties: {
      id: text,
      service: text,
      handler: { type: "string", description: "Empty for the default handler." },
      ack: {
        anyOf: [
          { type: "string", enum: ["all", "quorum", "none"] },
          { type: "integer", minimum: 1 },
        ],
      },
      acceptedMs: atMs,
      expiresMs: atMs,
      epoch: { type: "integer", minimum: 0, description: "Of the shard map when it was accepted." },
      verdict: {
        type: "string",
        enum: Object.keys(VERDICTS),
        description: "`satisfied`: as many have acknowledged as were asked for; that stays so.",
      },
      reason: {
        type: "string",
        enum: Object.keys(REASONS),
        description: "`deadline`: there is no verdict, and whoever waited does not wait any longer.",
      },
      partial: {
        type: "boolean",
        description: "Not every expected member that still exists has acknowledged.",
      },
      members: { type: "array", items: outcome },
      redriveOf: { type: "string", description: "The broadcast whose unfinished members this one is for." },
    },
  };
}

/** Puts both among a document's schemas. */
export function putBroadcastStatus(schemas: Schemas): Ref {
  return schemas.put("BroadcastStatus", broadcastStatus(schemas.put("MemberOutcome", MEMBER_OUTCOME)));
}
