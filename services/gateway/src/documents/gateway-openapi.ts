import { defineService } from "@shardcast/contract";
import { type JsonObject, openApi } from "@shardcast/contract/documents";
import { broadcastPaths } from "./broadcast-paths.ts";
import { BROADCAST_SCHEMAS } from "./broadcast-schemas.ts";
import { directoryPaths } from "./directory-paths.ts";
import { directorySchemas } from "./directory-schemas.ts";
import { operatorPaths } from "./operator-paths.ts";
import { proxyPath } from "./proxy-path.ts";

/** Stands for every service and handler, so that headers and problems are written down in one place. */
const ANY = defineService("service", { handlers: { handler: {} } });
const KEY_PATH = "/v1/service/keys/{key}";

const SERVICE = pathParameter("service", "One that this gateway serves.");
const HANDLER = pathParameter("handler", "May have slashes. Without it the default handler is meant.");
const BROADCASTS_TAG: JsonObject = {
  name: "broadcasts",
  description: "Jobs for every replica, and which of them have done it (C6).",
};
const PROXY_TAG: JsonObject = { name: "proxy", description: "Straight to who owns a key, without the log." };
const ANYTHING = { schema: {} };

/**
 * The OpenAPI 3.1 document of the gateway: what it does for every service, with or without a contract.
 *
 * @param proxies whether owners can be reached through it. Default false
 */
export function gatewayOpenApi(proxies = false): JsonObject {
  const document = openApi(ANY, { title: "Shardcast gateway", version: "1" }) as JsonObject;
  const paths = document.paths as Readonly<Record<string, JsonObject>>;
  const known = paths[`${KEY_PATH}/handler`] as {
    readonly post: JsonObject;
    readonly parameters: [JsonObject];
  };
  const [key] = known.parameters;
  const operation = (id: string, summary: string) => anyHandler(known.post, id, summary);
  const posted: Record<string, JsonObject> = {
    "/v1/{service}/keys/{key}": {
      ...paths[KEY_PATH],
      parameters: [SERVICE, key],
      post: operation("post", "A request for a key, to the default handler"),
    },
    "/v1/{service}/keys/{key}/{handler}": {
      parameters: [SERVICE, key, HANDLER],
      post: operation("postToHandler", "A request for a key"),
    },
    "/v1/{service}/requests": {
      parameters: [SERVICE],
      post: operation("postByKeySource", "A request whose key is where the service's key source says"),
    },
  };
  const components = document.components as JsonObject;
  const schemas = components.schemas as Readonly<Record<string, JsonObject>>;
  return {
    ...document,
    tags: [...(document.tags as readonly JsonObject[]), BROADCASTS_TAG, ...(proxies ? [PROXY_TAG] : [])],
    paths: {
      ...posted,
      ...ofEveryService(paths),
      ...broadcastPaths(SERVICE),
      ...directoryPaths(SERVICE, key),
      ...operatorPaths(SERVICE),
      ...(proxies ? proxyPath(SERVICE, key) : {}),
    },
    components: {
      ...components,
      schemas: { ...schemas, ...BROADCAST_SCHEMAS, ...directorySchemas(schemas.Owner as JsonObject) },
    },
  };
}

/** An operation whose handler may take and answer anything. */
function anyHandler(known: JsonObject, operationId: string, summary: string): JsonObject {
  const { 204: empty, ...responses } = known.responses as Record<string, JsonObject>;
  return {
    ...known,
    operationId,
    summary,
    requestBody: {
      description: "Opaque bytes; `application/cloudevents+json` and headers `ce-…` are a CloudEvent.",
      content: { "*/*": ANYTHING },
    },
    responses: {
      "2XX": {
        ...empty,
        description: "What the handler has answered.",
        content: { "*/*": ANYTHING },
      },
      ...responses,
    },
  };
}

function ofEveryService(paths: Readonly<Record<string, JsonObject>>): Record<string, JsonObject> {
  const others = Object.entries(paths).filter(([path]) => !path.startsWith(KEY_PATH));
  return Object.fromEntries(
    others.map(([path, item]) => [
      path.replace("/v1/service/", "/v1/{service}/"),
      { ...item, parameters: [SERVICE, ...(item.parameters as readonly JsonObject[])] },
    ]),
  );
}

function pathParameter(name: string, description: string): JsonObject {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}
