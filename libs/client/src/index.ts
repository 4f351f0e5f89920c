export { connect } from "./client.ts";
export type { Client } from "./client-api.ts";
export type { Body, ConnectOptions, Reply, RequestOptions, SendOptions, ServiceRoute } from "./options.ts";
export type { LaneOwner, Member, Owner, Shards } from "./ownership.ts";
export type { WatchOptions } from "./watch.ts";
