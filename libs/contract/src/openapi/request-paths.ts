import type { ErrorCode } from "@shardcast/protocol";
import type { JsonObject } from "../documents/json.ts";
import type { Ref } from "../documents/schemas.ts";
import type { UniqueNames } from "../documents/unique-names.ts";
import { headerRefs } from "./headers.ts";
import { GATEWAY_CODES, problemResponse, problemResponses } from "./problems.ts";

export interface RequestPathParts {
  readonly service: string;
  readonly operationIds: UniqueNames;
  readonly problem: Ref;
  readonly pending: Ref;
  readonly outputs: readonly Ref[];
  /** Some handler answers without a body. */
  readonly someEmpty: boolean;
}

const CODES: readonly ErrorCode[] = [...GATEWAY_CODES, "SHARDCAST_UNKNOWN_REQUEST"];

/** A request that is asked for by its id: what came of it, as it happens, and that it shall not go on. */
export function requestPaths(parts: RequestPathParts): Record<string, JsonObject> {
  const { service, operationIds, problem, pending } = parts;
  const parameters: readonly JsonObject[] = [
    { name: "id", in: "path", required: true, description: "The request's id.", schema: { type: "string" } },
  ];
  const tags = ["requests"];
  const path = `/v1/${service}/requests/{id}`;
  return {
    [path]: {
      parameters,
      get: {
        operationId: operationIds.take("getRequest"),
        summary: "What came of a recorded request",
        tags,
        parameters: [
          {
            name: "wait",
            in: "query",
            description: "Seconds to wait for the end of it.",
            schema: { type: "number", exclusiveMinimum: 0 },
          },
        ],
        responses: {
          ...ended(parts),
          202: {
            description: "It has not ended.",
            headers: headerRefs(["Retry-After", "Shardcast-Request-Id", "Shardcast-Request-State"]),
            content: { "application/json": { schema: pending } },
          },
          ...problemResponses(problem, CODES),
          default: problemResponse("It has ended with this problem.", problem),
        },
      },
      delete: {
        operationId: operationIds.take("cancelRequest"),
        summary: "Cancel a request: it does not start, or is told to stop",
        tags,
        responses: {
          202: {
            description: "It will be cancelled, unless it ends before.",
            headers: headerRefs(["Shardcast-Request-Id"]),
            content: { "application/json": { schema: pending } },
          },
          ...problemResponses(problem, [...CODES, "SHARDCAST_ALREADY_ENDED"]),
        },
      },
    },
    [`${path}/events`]: {
      parameters,
      get: {
        operationId: operationIds.take("requestEvents"),
        summary: "What becomes of a recorded request, as it happens",
        tags,
        responses: {
          200: {
            description:
              "Events `accepted`, `started`, `retrying` and `done`, their data in JSON. Ends after `done`.",
            content: { "text/event-stream": { schema: { type: "string" } } },
          },
          ...problemResponses(problem, CODES),
        },
      },
    },
  };
}

function ended({ outputs, someEmpty }: RequestPathParts): Record<string, JsonObject> {
  const headers = headerRefs(["Shardcast-Request-Id", "Shardcast-Request-State"]);
  const description = "It has ended: the recorded answer of its handler.";
  const [first, ...more] = outputs;
  const answers: Record<string, JsonObject> = {};
  if (first !== undefined) {
    const schema: JsonObject = more.length === 0 ? first : { anyOf: outputs };
    answers[200] = { description, headers, content: { "application/json": { schema } } };
  }
  if (someEmpty) answers[204] = { description, headers };
  return answers;
}
