export type { Client } from "./client.ts";
export { connect } from "./client.ts";
export type { Body, ConnectOptions, Reply, RequestOptions, SendOptions, ServiceRoute } from "./options.ts";
