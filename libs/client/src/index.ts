export type {
  Acknowledged,
  Broadcast,
  BroadcastEnd,
  BroadcastEventOptions,
  BroadcastOptions,
  BroadcastStatusOptions,
  BroadcastsApi,
} from "./broadcasts/api.ts";
export { connect } from "./client.ts";
export type { Client } from "./client-api.ts";
export type {
  Body,
  ConnectOptions,
  EventOptions,
  IdempotencyOptions,
  Reply,
  RequestOptions,
  ResultOptions,
  SendOptions,
  ServiceRoute,
  SubmitOptions,
  Submitted,
} from "./options.ts";
export type { LaneOwner, Member, Owner, Shards } from "./ownership.ts";
export type { EndedStatus, RequestStatus } from "./status.ts";
export type { WatchOptions } from "./watch.ts";
