import type { JsonObject } from "@shardcast/contract/documents";

const TAGS = ["operation"];
const PROBLEM: JsonObject = {
  description: "Why not.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** Of the letters that are meant; without any of them, all. */
const SELECTION = {
  key: { type: "string", description: "The shard key." },
  lane: { type: "integer", minimum: 0 },
  handler: { type: "string" },
  code: { type: "string", description: "Of the error that it was given up with." },
  from: {
    type: "string",
    description: "Given up at this time or later: ISO 8601 with a zone, or epoch milliseconds.",
  },
  to: { type: "string", description: "Given up before this time." },
  limit: { type: "integer", minimum: 0 },
  cursor: { type: "string", description: "Goes on where an answer with this cursor ended." },
} as const satisfies Record<string, JsonObject>;
const TIME: JsonObject = {
  type: ["string", "integer"],
  description: "ISO 8601 with a zone, or epoch milliseconds.",
};

const DISCARD: JsonObject = {
  ...SELECTION,
  from: TIME,
  to: TIME,
  ids: { type: "array", items: { type: "string" } },
  dryRun: { type: "boolean" },
};
const REDRIVE: JsonObject = {
  ...DISCARD,
  ratePerSecond: { type: "number", exclusiveMinimum: 0 },
  maxRedrives: { type: "integer", minimum: 0 },
  force: { type: "boolean" },
};

/** What who runs the gateway asks for: which keys are hot, what was given up, and whether the process is well. */
export function operatorPaths(service: JsonObject): Record<string, JsonObject> {
  const parameters = [service];
  const asQuery = { ...SELECTION, all: { type: "boolean" }, body: { type: "boolean" } };
  const listed = Object.entries(asQuery).map(([name, schema]) => ({ name, in: "query", schema }));
  return {
    "/v1/{service}/hot-keys": {
      parameters,
      get: operation(
        "getHotKeys",
        "Keys of each lane that this gateway was asked for most in the last minute",
      ),
    },
    "/v1/{service}/dead-letters": {
      parameters,
      get: {
        ...operation(
          "listDeadLetters",
          "Requests that were given up (C9); with all=true the settled ones too",
        ),
        parameters: listed,
      },
    },
    "/v1/{service}/dead-letters/redrive": {
      parameters,
      post: { ...operation("redrive", "Send dead letters again"), ...taking(REDRIVE) },
    },
    "/v1/{service}/dead-letters/discard": {
      parameters,
      post: { ...operation("discard", "Settle dead letters without sending them again"), ...taking(DISCARD) },
    },
    "/healthz": { get: operation("alive", "Whether the process lives") },
    "/readyz": {
      get: operation("ready", "Whether requests should be sent here, and how each service stands"),
    },
  };
}

function operation(operationId: string, summary: string): JsonObject {
  const content = { "application/json": { schema: { type: "object" } } };
  return {
    operationId,
    summary,
    tags: TAGS,
    responses: { 200: { description: "So it is.", content }, default: PROBLEM },
  };
}

function taking(properties: JsonObject): JsonObject {
  const schema = { type: "object", properties, additionalProperties: false };
  return { requestBody: { content: { "application/json": { schema } } } };
}
