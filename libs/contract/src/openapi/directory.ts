import type { JsonObject } from "../documents/json.ts";
import type { Ref, Schemas } from "../documents/schemas.ts";
import { GATEWAY_CODES, problemResponses } from "./problems.ts";

const LANE = { type: "integer", minimum: 0 };

/** `GET /v1/{service}/keys/{key}`: who has the key. */
export function ownerOperation(operationId: string, schemas: Schemas, problem: Ref): JsonObject {
  const owner = schemas.put("Owner", {
    type: "object",
    required: ["service", "key", "lane", "ordinal", "epoch", "replicas", "state"],
    properties: {
      service: { type: "string" },
      key: { type: "string" },
      lane: { ...LANE, description: "Where the key's requests are." },
      ordinal: { ...LANE, description: "The replica that the shard map gives the lane to." },
      epoch: { ...LANE, description: "Of the shard map." },
      replicas: { type: "integer", minimum: 1 },
      state: { type: "string", enum: ["owned", "released", "free"] },
      member: { type: "string", description: "Who owns the lane, where it is owned (C2)." },
      url: { type: "string", description: "Where the owner can be called directly, if it says so." },
      fencingToken: { ...LANE, description: "Grows from owner to owner of the lane (C2)." },
    },
  });
  return {
    operationId,
    summary: "Who has the key",
    tags: ["directory"],
    responses: {
      200: {
        description: "As this gateway knows it.",
        content: { "application/json": { schema: owner } },
      },
      ...problemResponses(problem, [...GATEWAY_CODES, "SHARDCAST_INVALID_KEY"]),
    },
  };
}
