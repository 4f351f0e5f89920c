import type { ErrorCode } from "@shardcast/protocol";
import type { Contract } from "../contract.ts";
import type { JsonObject } from "../documents/json.ts";
import { problemOf } from "../documents/problem-schema.ts";
import type { Ref, Schemas } from "../documents/schemas.ts";
import type { UniqueNames } from "../documents/unique-names.ts";
import { putBroadcastStatus } from "./broadcast-schemas.ts";
import { headerRefs } from "./headers.ts";
import { GATEWAY_CODES, problemResponses, type Refusal } from "./problems.ts";
import { requestBody, takesNothing } from "./request-body.ts";

export interface BroadcastPathParts {
  readonly contract: Contract;
  readonly operationIds: UniqueNames;
  readonly schemas: Schemas;
  readonly problem: Ref;
}

const SENDING: readonly ErrorCode[] = [
  ...GATEWAY_CODES,
  "SHARDCAST_UNKNOWN_HANDLER",
  "SHARDCAST_NO_MEMBERS",
  "SHARDCAST_BODY_TOO_LARGE",
  "SHARDCAST_IDEMPOTENCY_MISMATCH",
];
const ASKING: readonly ErrorCode[] = [...GATEWAY_CODES, "SHARDCAST_UNKNOWN_BROADCAST"];
const TAGS = ["broadcasts"];
const PARAMETERS = ["IdempotencyKey", "Prefer", "Traceparent"] as const;
const seconds: JsonObject = { type: "number", exclusiveMinimum: 0 };

/** What every replica can be told, and what has come of it (C6); undefined where the contract declares nothing. */
export function broadcastPaths(parts: BroadcastPathParts): Record<string, JsonObject> | undefined {
  const { contract, operationIds, schemas, problem } = parts;
  if (Object.keys(contract.broadcasts ?? {}).length === 0) return undefined;
  const status = putBroadcastStatus(schemas);
  const known = (description: string): JsonObject => ({
    description,
    content: { "application/json": { schema: status } },
  });
  const path = `/v1/${contract.service}/broadcasts`;
  const parameters: readonly JsonObject[] = [
    {
      name: "id",
      in: "path",
      required: true,
      description: "The broadcast's id.",
      schema: { type: "string" },
    },
  ];
  return {
    [path]: { post: sendOperation(parts, known) },
    [`${path}/{id}`]: {
      parameters,
      get: {
        operationId: operationIds.take("getBroadcast"),
        summary: "Which replicas have acted on a broadcast",
        tags: TAGS,
        parameters: [query("wait", "Seconds to wait for the verdict.", seconds)],
        responses: { 200: known("As it stands."), ...problemResponses(problem, ASKING) },
      },
      delete: {
        operationId: operationIds.take("cancelBroadcast"),
        summary: "Cancel a broadcast: no further replica begins with it",
        tags: TAGS,
        responses: {
          202: {
            description: "It will be cancelled for all that have not ended before.",
            headers: headerRefs(["Location", "Shardcast-Broadcast-Id"]),
          },
          ...problemResponses(problem, [...ASKING, "SHARDCAST_ALREADY_ENDED"]),
        },
      },
    },
    [`${path}/{id}/events`]: {
      parameters,
      get: {
        operationId: operationIds.take("broadcastEvents"),
        summary: "What becomes of a broadcast, as it happens",
        tags: TAGS,
        responses: {
          200: {
            description:
              "Event `status` first, then `member` for each whose standing changes, and `verdict`; their data in JSON.",
            content: { "text/event-stream": { schema: { type: "string" } } },
          },
          ...problemResponses(problem, ASKING),
        },
      },
    },
  };
}

/** `POST /v1/{service}/broadcasts`: one operation for all that are declared, told apart by `handler`. */
function sendOperation(
  { contract, operationIds, schemas, problem }: BroadcastPathParts,
  known: (description: string) => JsonObject,
): JsonObject {
  const declared = Object.entries(contract.broadcasts ?? {});
  const operationId = operationIds.take("broadcast");
  const inputs = declared.flatMap(([name, { input }]) =>
    input === undefined ? [] : [{ input, schema: schemas.add(`${operationId}_${name}_input`, input) }],
  );
  // JSON Schema can not say that an empty body goes with one handler alone.
  const required = inputs.length === declared.length && !inputs.some(({ input }) => takesNothing(input));
  const [first, ...more] = inputs.map(({ schema }) => schema);
  const body =
    first === undefined ? {} : requestBody(required, more.length === 0 ? first : { anyOf: [first, ...more] });
  const headers = headerRefs([
    "Location",
    "Shardcast-Broadcast-Id",
    "Idempotency-Replayed",
    "Preference-Applied",
  ]);
  const unfit: Refusal = {
    status: 422,
    description: "SHARDCAST_INVALID_REQUEST: the body does not fit the contract.",
    schema: problemOf(problem, ["SHARDCAST_INVALID_REQUEST"]),
  };
  const lines = declared.map(([name, { description }]) =>
    description === undefined ? `- \`${name}\`` : `- \`${name}\`: ${description}`,
  );
  return {
    operationId,
    summary: "Tell every replica, also those that are down",
    description: lines.join("\n"),
    tags: TAGS,
    parameters: [
      {
        ...query("handler", "What they are told.", {
          type: "string",
          enum: declared.map(([name]) => name),
        }),
        required: true,
      },
      query("ack", "Whose acknowledgements it needs: a number of members, or one of these words.", {
        type: "string",
        pattern: "^(all|quorum|none|[1-9][0-9]{0,4})$",
        default: "all",
      }),
      query("ttl", "Seconds after which no replica begins with it (C8).", seconds),
      ...PARAMETERS.map((each) => ({ $ref: `#/components/parameters/${each}` })),
    ],
    ...body,
    responses: {
      200: { ...known("It has a verdict, within the time of `Prefer: wait`."), headers },
      202: { ...known("Accepted: it is on the log (C6). Ask at `Location` what came of it."), headers },
      ...problemResponses(problem, SENDING, [unfit]),
    },
  };
}

function query(name: string, description: string, schema: JsonObject): JsonObject {
  return { name, in: "query", description, schema };
}
