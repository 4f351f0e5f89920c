import type { JsonObject } from "@shardcast/contract/documents";

const TAGS = ["directory"];
const PROBLEM: JsonObject = {
  description: "Why not.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};
const SHARDS: JsonObject = { "application/json": { schema: { $ref: "#/components/schemas/Shards" } } };
const EVENTS: JsonObject = { "text/event-stream": { schema: { type: "string" } } };

/** Who has what, and where that is, for who goes there himself. Who has one key is in the documents of contracts as well. */
export function directoryPaths(service: JsonObject, key: JsonObject): Record<string, JsonObject> {
  return {
    "/v1/{service}/keys/{key}/events": {
      parameters: [service, key],
      get: {
        ...operation("followOwner", "Who has the key, as server-sent events"),
        description:
          "`owner`, with what GET says: now, and after each change of the map, the owner or its pod. Who reads slowly gets the newest.",
        responses: answered("Events.", EVENTS),
      },
    },
    "/v1/{service}/shards": {
      parameters: [service],
      get: {
        ...operation("getShards", "Which replica has which lane, how far behind it is, and their pods"),
        responses: answered("As this gateway knows it.", SHARDS),
      },
    },
    "/v1/{service}/shards/events": {
      parameters: [service],
      get: {
        ...operation("followShards", "Which replica has which lane, as server-sent events"),
        description:
          "`shards`, with what GET says: now, and after each change of the map, an owner, a member or its pod; not of the lag. Who reads slowly gets the newest.",
        responses: answered("Events.", EVENTS),
      },
    },
  };
}

function operation(operationId: string, summary: string): JsonObject {
  return { operationId, summary, tags: TAGS };
}

function answered(description: string, content: JsonObject): JsonObject {
  return { 200: { description, content }, default: PROBLEM };
}
