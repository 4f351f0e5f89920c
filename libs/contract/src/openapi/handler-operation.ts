import type { HandlerDefinition } from "../contract.ts";
import type { JsonObject } from "../documents/json.ts";
import { declaredProblem, problemOf } from "../documents/problem-schema.ts";
import type { Ref, Schemas } from "../documents/schemas.ts";
import { headerRefs, REQUEST_HEADERS } from "./headers.ts";
import { HANDLER_CODES, problemResponse, problemResponses, type Refusal } from "./problems.ts";
import { requestBody, takesNothing } from "./request-body.ts";

export interface HandlerParts {
  readonly name: string;
  readonly definition: HandlerDefinition;
  readonly operationId: string;
  readonly schemas: Schemas;
  readonly problem: Ref;
  /** What is told of a request that has not ended. */
  readonly pending: Ref;
  readonly output: Ref | undefined;
}

/** `POST /v1/{service}/keys/{key}/{handler}`. */
export function handlerOperation(parts: HandlerParts): JsonObject {
  const { name, definition, operationId, schemas, problem, pending, output } = parts;
  const { description, input } = definition;
  const headers = headerRefs(["Shardcast-Request-Id", "Shardcast-Kept-For"]);
  const done: Record<string, JsonObject> =
    output === undefined
      ? { 204: { description: "Handled.", headers } }
      : {
          200: { description: "Handled.", headers, content: { "application/json": { schema: output } } },
        };
  return {
    operationId,
    summary: name,
    ...(description === undefined ? {} : { description }),
    tags: ["handlers"],
    parameters: Object.keys(REQUEST_HEADERS).map((each) => ({ $ref: `#/components/parameters/${each}` })),
    ...(input === undefined
      ? {}
      : requestBody(!takesNothing(input), schemas.add(`${operationId}_input`, input))),
    responses: {
      ...done,
      202: {
        description: "Accepted: it is on the log (C3). Ask at `Location` what came of it.",
        headers: headerRefs([
          "Location",
          "Retry-After",
          "Preference-Applied",
          "Shardcast-Request-Id",
          "Shardcast-Kept-For",
        ]),
        content: { "application/json": { schema: pending } },
      },
      ...problemResponses(problem, HANDLER_CODES, refusalsOf(parts)),
      default: problemResponse("Refused by the handler, with a status of its own.", problem),
    },
  };
}

/** What the handler declares, and what the contract itself refuses with a status that is not the code's. */
function refusalsOf({ definition, operationId, schemas, problem }: HandlerParts): readonly Refusal[] {
  const declared = Object.entries(definition.errors ?? {}).map(
    ([error, { status, description, details }]): Refusal => {
      const name = `${operationId}_${error}`;
      const detailsRef = details === undefined ? undefined : schemas.add(`${name}_details`, details);
      return {
        status,
        description: `${error}: ${description ?? "declared by the handler."}`,
        schema: { ...schemas.put(name, declaredProblem(problem, error, description, detailsRef)) },
      };
    },
  );
  const unfit: Refusal = {
    status: 400,
    description: "SHARDCAST_HANDLER_REFUSED: the key does not fit the contract, or the body is no JSON.",
    schema: problemOf(problem, ["SHARDCAST_HANDLER_REFUSED"]),
  };
  return [unfit, ...declared];
}
