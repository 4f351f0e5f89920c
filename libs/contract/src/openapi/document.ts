import type { Contract } from "../contract.ts";
import type { Json, JsonObject } from "../documents/json.ts";
import { problemSchema } from "../documents/problem-schema.ts";
import { type Ref, Schemas } from "../documents/schemas.ts";
import { UniqueNames } from "../documents/unique-names.ts";
import { broadcastPaths } from "./broadcast-paths.ts";
import { ownerOperation } from "./directory.ts";
import { handlerOperation } from "./handler-operation.ts";
import { HEADERS, REQUEST_HEADERS } from "./headers.ts";
import { requestPaths } from "./request-paths.ts";

/** The dialect of OpenAPI 3.1. */
const TARGET = "draft-2020-12";

export interface OpenApiOptions {
  /** Where the gateway listens. */
  readonly url?: string;
  /** Of the service. Default `0.0.0`. */
  readonly version?: string;
  /** Default: the service's name. */
  readonly title?: string;
}

/** The OpenAPI 3.1 document of a service, as callers of the gateway see it. JSON values only. */
export function openApi(contract: Contract, options: OpenApiOptions = {}): Record<string, Json> {
  const { service, description, handlers } = contract;
  const { url, version = "0.0.0", title = service } = options;
  const schemas = new Schemas(TARGET);
  const operationIds = new UniqueNames();
  const problem = schemas.put("Problem", problemSchema());
  const pending = schemas.put("Pending", PENDING);
  const keyPath = `/v1/${service}/keys/{key}`;
  const key = keyParameter(contract, schemas);
  const paths: Record<string, Json> = {};
  const outputs: Ref[] = [];
  let someEmpty = false;

  for (const [name, definition] of Object.entries(handlers)) {
    const operationId = operationIds.take(name);
    const output =
      definition.output === undefined ? undefined : schemas.add(`${operationId}_output`, definition.output);
    if (output === undefined) someEmpty = true;
    else outputs.push(output);
    const parts = { name, definition, operationId, schemas, problem, pending, output };
    const path = name.split("/").map(encodeURIComponent).join("/");
    paths[`${keyPath}/${path}`] = { parameters: [key], post: handlerOperation(parts) };
  }
  paths[keyPath] = {
    parameters: [key],
    get: ownerOperation(operationIds.take("getOwner"), schemas, problem),
  };
  Object.assign(paths, requestPaths({ service, operationIds, problem, pending, outputs, someEmpty }));
  const notified = broadcastPaths({ contract, operationIds, schemas, problem });
  Object.assign(paths, notified);

  return {
    openapi: "3.1.0",
    info: { title, version, ...(description === undefined ? {} : { description }) },
    ...(url === undefined ? {} : { servers: [{ url }] }),
    tags: [
      { name: "handlers", description: "What can be asked of a key: in order, one request at a time (C1)." },
      {
        name: "requests",
        description: "Requests with `Prefer` or `Idempotency-Key`: what came of them (C3).",
      },
      { name: "directory", description: "Who has which key." },
      ...(notified === undefined ? [] : [BROADCASTS_TAG]),
    ],
    paths,
    components: { schemas: schemas.all(), headers: HEADERS, parameters: REQUEST_HEADERS },
  };
}

const BROADCASTS_TAG = {
  name: "broadcasts",
  description: "What every replica is told, and which of them have acted on it (C6).",
};

const PENDING: JsonObject = {
  type: "object",
  description: "A request that has not ended.",
  required: ["id", "state"],
  properties: {
    id: { type: "string" },
    state: { type: "string", enum: ["pending", "running", "retrying", "cancelling"] },
    location: { type: "string", format: "uri-reference" },
    keptForSeconds: { type: "integer" },
    attempt: { type: "integer", minimum: 1 },
    atMs: { type: "integer", description: "When it started, or failed; epoch milliseconds." },
    reason: { type: "string", description: "Why the last attempt failed." },
  },
};

function keyParameter({ keys }: Contract, schemas: Schemas): JsonObject {
  const schema =
    keys === undefined ? schemas.put("Key", { type: "string", minLength: 1 }) : schemas.add("Key", keys);
  return { name: "key", in: "path", required: true, description: "The shard key.", schema };
}
