export type {
  Acknowledged,
  Broadcast,
  BroadcastChange,
  BroadcastEnd,
  BroadcastEventOptions,
  BroadcastOptions,
  BroadcastPage,
  BroadcastQuery,
  BroadcastStatus,
  BroadcastStatusOptions,
  BroadcastsApi,
  MemberOutcome,
} from "./broadcasts/api.ts";
export type { HttpClient } from "./client-api.ts";
export { connectHttp } from "./http-client.ts";
export type {
  BackoffOptions,
  Body,
  ConnectHttpOptions,
  EventOptions,
  IdempotencyOptions,
  Reply,
  RequestOptions,
  ResultOptions,
  SendOptions,
  ShardKey,
  SubmitOptions,
  Submitted,
  WatchOptions,
} from "./options.ts";
export type { LaneOwner, Member, MemberPlace, Owner, Shards } from "./ownership.ts";
export type { EndedStatus, RequestEnd, RequestStatus } from "./status.ts";
