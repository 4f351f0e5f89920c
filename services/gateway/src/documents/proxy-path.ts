import type { JsonObject } from "@shardcast/contract/documents";

const PATH = "/v1/{service}/proxy/{key}/{path}";
/** Those that OpenAPI knows; the gateway takes any. */
const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const BODYLESS = new Set(["get", "head", "trace"]);
const ANYTHING = { content: { "*/*": { schema: {} } } };

/** Requests straight to the owner of a key, over HTTP and past the log. */
export function proxyPath(service: JsonObject, key: JsonObject): Record<string, JsonObject> {
  const path: JsonObject = {
    name: "path",
    in: "path",
    required: true,
    description: "The owner's path; may have slashes, and a query.",
    schema: { type: "string" },
  };
  const operations = METHODS.map((method) => [method, operation(method)]);
  return { [PATH]: { parameters: [service, key, path], ...Object.fromEntries(operations) } };
}

function operation(method: string): JsonObject {
  return {
    operationId: `proxy${method[0]?.toUpperCase()}${method.slice(1)}`,
    tags: ["proxy"],
    summary: "Straight to the owner of the key: on no log, neither ordered nor fenced nor sent again",
    ...(BODYLESS.has(method) ? {} : { requestBody: { description: "Passed on as it comes.", ...ANYTHING } }),
    responses: {
      default: {
        description:
          "What the owner answers; or a problem with a code, where none can be reached, or it broke off before an answer.",
        ...ANYTHING,
      },
    },
  };
}
