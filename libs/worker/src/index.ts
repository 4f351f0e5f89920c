export type { RetryableErrorOptions, TerminalErrorOptions } from "./errors.ts";
export { RetryableError, TerminalError } from "./errors.ts";
export type { Handler, HandlerContext, HandlerRequest } from "./handler.ts";
export type { WorkerOptions } from "./options.ts";
export { WORKER_ENV } from "./options.ts";
export type { HandlerReply, HandlerResult, ReplyInit } from "./reply.ts";
export { reply } from "./reply.ts";
export type { Worker, WorkerEnd } from "./worker.ts";
export { createWorker } from "./worker.ts";
