// Apart from the rest of the contract: what is only for servers, and may import Node's modules.
export type { AsyncApiOptions } from "../asyncapi/document.ts";
export { asyncApi } from "../asyncapi/document.ts";
export { broadcastStatus, MEMBER_OUTCOME } from "../openapi/broadcast-schemas.ts";
export type { OpenApiOptions } from "../openapi/document.ts";
export { openApi } from "../openapi/document.ts";
export type { Json, JsonObject } from "./json.ts";
