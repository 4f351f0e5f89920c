export type {
  BroadcastDefinition,
  BroadcastName,
  BroadcastRead,
  BroadcastSent,
  Contract,
  DetailsRead,
  DetailsSent,
  ErrorDefinition,
  ErrorName,
  HandlerDefinition,
  HandlerName,
  InputRead,
  InputSent,
  KeyRead,
  KeySent,
  OutputRead,
  OutputSent,
  ServiceDefinition,
} from "./contract.ts";
export { defineService } from "./define.ts";
export type { ReadBy, Schema, SentBy } from "./schema.ts";
export type { Answered, Requester, TypedClient, TypedOptions } from "./typed.ts";
export { typed } from "./typed.ts";
export type { Broadcaster, TypedBroadcastOptions, TypedBroadcasts } from "./typed-broadcast.ts";
export type { TypedError, TypedErrorOf } from "./typed-error.ts";
export { isTypedError } from "./typed-error.ts";
export type { Issue, Validation } from "./validate.ts";
export { issuesText, validate } from "./validate.ts";
export type { Decoded, Encoded } from "./wire.ts";
export { decodeWith, encodeWith } from "./wire.ts";
