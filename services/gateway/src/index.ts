export type { Gateway } from "./gateway.ts";
export { createGateway } from "./gateway.ts";
export type { KeySource } from "./key-sources/key-source.ts";
export type { GatewayOptions, GatewaySettings } from "./options.ts";
export { GATEWAY_ENV } from "./options.ts";
