export type {
  BroadcastContext,
  BroadcastHandler,
  BroadcastMessage,
  BroadcastSubscription,
} from "./broadcast-handler.ts";
export { ANY_BROADCAST } from "./broadcast-handler.ts";
export type { Call, Fail, Implementation } from "./contract.ts";
export { implement } from "./contract.ts";
export type { BroadcastCall } from "./contract-broadcast.ts";
export { implementBroadcast } from "./contract-broadcast.ts";
export type { RetryableErrorOptions, TerminalErrorOptions } from "./errors.ts";
export { RetryableError, TerminalError } from "./errors.ts";
export type { Handler, HandlerContext, HandlerRequest } from "./handler.ts";
export type { HealthServer, HealthServerOptions, Probe } from "./health.ts";
export { serveHealth } from "./health.ts";
export type { LaneContext, OnLaneAcquired, OnLaneReleased } from "./hooks.ts";
export type { WorkerOptions } from "./options.ts";
export { WORKER_ENV } from "./options.ts";
export type { OwnedLane } from "./ownership/ownership.ts";
export type { HandlerReply, HandlerResult, ReplyInit } from "./reply.ts";
export { reply } from "./reply.ts";
export type { Subscriber } from "./subscriber.ts";
export { createSubscriber } from "./subscriber.ts";
export type { SubscriberOptions } from "./subscriber-options.ts";
export type { Readiness, Worker, WorkerEnd, WorkerEvents } from "./worker.ts";
export { createWorker } from "./worker.ts";
