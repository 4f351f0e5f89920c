import type { JsonObject } from "@shardcast/contract/documents";
import { NDJSON } from "../broadcasts/telling.ts";

const TAGS = ["broadcasts"];
const PROBLEM: JsonObject = {
  description: "Why not.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};
const STATUS = jsonOf({ $ref: "#/components/schemas/BroadcastStatus" });
const ID: JsonObject = {
  name: "id",
  in: "path",
  required: true,
  description: "Of the broadcast.",
  schema: { type: "string" },
};
const SECONDS: JsonObject = { type: "number", exclusiveMinimum: 0 };
const PREFER: JsonObject = {
  name: "Prefer",
  in: "header",
  description: "`wait=SECONDS`: answers when there is a verdict, or 202 when there is none by then.",
  schema: { type: "string", examples: ["wait=30"] },
};

const TERMS = [
  asked("ack", "Whose acknowledgement is needed: `all` (default), `quorum`, `none`, or how many.", {
    type: "string",
    pattern: "^(all|quorum|none|[1-9][0-9]*)$",
  }),
  asked("ttl", "Seconds after which no member starts on it. Default one hour.", SECONDS),
];

const ACCEPTED_HEADERS: JsonObject = {
  Location: { $ref: "#/components/headers/Location" },
  "Preference-Applied": { $ref: "#/components/headers/Preference-Applied" },
  "Shardcast-Broadcast-Id": { description: "The broadcast's id.", schema: { type: "string" } },
  "Idempotency-Replayed": {
    description: "`true` when it had been accepted before, with the same key (C5).",
    schema: { type: "string", enum: ["true"] },
  },
};
const SENT: JsonObject = {
  200: {
    description: "There is a verdict. As NDJSON, what comes of it until then: `accepted`, `member`…, `end`.",
    headers: ACCEPTED_HEADERS,
    content: {
      ...STATUS,
      [NDJSON]: {
        schema: {
          type: "object",
          required: ["type"],
          properties: {
            type: { type: "string", enum: ["accepted", "member", "end", "problem"] },
            status: { $ref: "#/components/schemas/BroadcastStatus" },
            outcome: { $ref: "#/components/schemas/MemberOutcome" },
            problem: { $ref: "#/components/schemas/Problem" },
          },
        },
      },
    },
  },
  202: {
    description: "It is on the log, and every member is going to get it (C6).",
    headers: ACCEPTED_HEADERS,
    content: STATUS,
  },
  default: PROBLEM,
};

/** Notify-all (C6). */
export function broadcastPaths(service: JsonObject): Record<string, JsonObject> {
  const one = [service, ID];
  return {
    "/v1/{service}/broadcasts": {
      parameters: [service],
      post: {
        ...operation("broadcast", "Tell every member"),
        parameters: [
          ...TERMS,
          asked("handler", "Without it the default handler is meant.", { type: "string" }),
          PREFER,
          { $ref: "#/components/parameters/IdempotencyKey" },
          { $ref: "#/components/parameters/Traceparent" },
        ],
        requestBody: {
          description: "Opaque bytes; `application/cloudevents+json` and headers `ce-…` are a CloudEvent.",
          content: { "*/*": { schema: {} } },
        },
        responses: SENT,
      },
      get: {
        ...operation("listBroadcasts", "Broadcasts, newest first"),
        parameters: [
          asked("state", "`open`, or with a verdict.", { type: "string", enum: ["open", "ended"] }),
          asked("handler", "Of this handler alone.", { type: "string" }),
          asked("limit", "Default 50.", { type: "integer", minimum: 1, maximum: 500 }),
          asked("after", "`next` of the page before.", { type: "string" }),
        ],
        responses: answered("A page.", jsonOf({ $ref: "#/components/schemas/BroadcastPage" })),
      },
    },
    "/v1/{service}/broadcasts/{id}": {
      parameters: one,
      get: {
        ...operation("getBroadcast", "What has come of a broadcast, at each member"),
        parameters: [asked("wait", "Seconds to wait for a verdict.", SECONDS)],
        responses: answered("As it stands.", STATUS),
      },
      delete: {
        ...operation("cancelBroadcast", "No further member begins with it"),
        responses: {
          202: {
            description: "That is on the log.",
            content: jsonOf({ $ref: "#/components/schemas/Pending" }),
          },
          default: PROBLEM,
        },
      },
    },
    "/v1/{service}/broadcasts/{id}/events": {
      parameters: one,
      get: {
        ...operation("followBroadcast", "What comes of a broadcast, as server-sent events"),
        description:
          "`status` first, `member` for each whose standing changes, `verdict`; ends when everything final was said.",
        parameters: [
          {
            name: "Last-Event-ID",
            in: "header",
            description: "Goes on behind it.",
            schema: { type: "string" },
          },
        ],
        responses: {
          200: { description: "Events.", content: { "text/event-stream": { schema: { type: "string" } } } },
          204: { description: "There is nothing behind that event." },
          default: PROBLEM,
        },
      },
    },
    "/v1/{service}/broadcasts/{id}/redrive": {
      parameters: one,
      post: {
        ...operation(
          "redriveBroadcast",
          "Tell those members again that did not acknowledge, and still exist",
        ),
        parameters: [...TERMS, PREFER],
        responses: SENT,
      },
    },
  };
}

function operation(operationId: string, summary: string): JsonObject {
  return { operationId, summary, tags: TAGS };
}

function asked(name: string, description: string, schema: JsonObject): JsonObject {
  return { name, in: "query", description, schema };
}

function answered(description: string, content: JsonObject): JsonObject {
  return { 200: { description, content }, default: PROBLEM };
}

function jsonOf(schema: JsonObject): JsonObject {
  return { "application/json": { schema } };
}
