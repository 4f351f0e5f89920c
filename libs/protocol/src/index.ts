export type { AckAuthor, AckRecord } from "./ack.ts";
export { decodeAck, encodeAck } from "./ack.ts";
export type { AckMode, BroadcastEnvelope, DecodedBroadcast, ExpectedMember } from "./broadcast.ts";
export {
  ackPartitionOf,
  ackText,
  decodeBroadcast,
  encodeBroadcast,
  encodeBroadcastCancel,
  idempotentBroadcastId,
  MAX_EXPECTED,
  newBroadcastId,
  parseAck,
} from "./broadcast.ts";
export type { BroadcastStatusJson, MemberOutcomeJson } from "./broadcast-json.ts";
export { toBroadcastJson, toOutcomeJson } from "./broadcast-json.ts";
export type {
  BroadcastStatus,
  BroadcastVerdict,
  MemberOutcome,
  MemberProgress,
  MemberReply,
  VerdictReason,
} from "./broadcast-status.ts";
export type { CallbackRecord } from "./callback.ts";
export {
  CALLBACK_LANES,
  CALLBACK_URL_HEADER,
  callbackServiceOf,
  callbackTopicsOf,
  encodeCallback,
} from "./callback.ts";
export type { EnvNames } from "./config.ts";
export { flag, resolveConfig, textList, wholeNumber } from "./config.ts";
export type {
  ControlRecord,
  MapRecord,
  MemberEndedRecord,
  MemberUpRecord,
  OwnedRecord,
  RecordedProgress,
  ReleasedRecord,
} from "./control.ts";
export { decodeControl, encodeControl } from "./control.ts";
export type { DeadLetter, DeadLetterReason, OffsetSpan, RedrivenMarker } from "./dead-letter.ts";
export {
  decodeDeadLetter,
  decodeRedriven,
  encodeDeadLetter,
  encodeRedriven,
  encodeUnparked,
  isParkedLetter,
} from "./dead-letter.ts";
export type { ShardcastErrorOptions } from "./error.ts";
export { isShardcastError, ShardcastError } from "./error.ts";
export type { ErrorCode, ErrorRow } from "./error-table.ts";
export { ERROR_TABLE, isErrorCode } from "./error-table.ts";
export {
  idempotentRequestId,
  isRequestId,
  laneOfRequestId,
  MAX_LANES,
  newId,
  newRequestId,
  timeOfRequestId,
} from "./id.ts";
export {
  assertHandlerName,
  assertKeyLength,
  assertServiceName,
  assertUserHeaders,
  isHandlerName,
  isServiceName,
  MAX_HANDLER_LENGTH,
  MAX_KEY_BYTES,
} from "./names.ts";
export { ParkedKeys } from "./parked-keys.ts";
export { percentEncoded } from "./percent-encoded.ts";
export type { Problem } from "./problem.ts";
export { fromProblem, PROBLEM_JSON, toProblem } from "./problem.ts";
export type { IncomingRecord, RecordHeaders, WireRecord } from "./record.ts";
export { asBuffer, headerText } from "./record.ts";
export type { ReplyEnvelope } from "./reply.ts";
export { decodeReply, encodeReply, replyInstance } from "./reply.ts";
export type { ReplyFence } from "./reply-fence.ts";
export { decodeReplyFence, encodeReplyFence } from "./reply-fence.ts";
export type { DecodedRequest, ParkedPlace, Recording, ReplyAddress, RequestEnvelope } from "./request.ts";
export {
  decodeParkedPlace,
  decodeRequest,
  encodeCancel,
  encodeRequest,
  encodeUnpark,
  isCallbackUrl,
} from "./request.ts";
export type { RequestEnd, ResultEnd, ResultEnvelope } from "./result.ts";
export { decodeResult, encodeResult, fingerprintOf } from "./result.ts";
export type { BroadcastTopics, CleanupPolicy, ServiceTopics, TopicOptions, TopicSpec } from "./topics.ts";
export {
  ACK_PARTITIONS,
  BROADCAST_RETENTION_MS,
  broadcastGroupOf,
  broadcastTopicsOf,
  groupOf,
  REPLY_PARTITIONS,
  RESULT_RETENTION_MS,
  topicsOf,
} from "./topics.ts";
export type { UserHeaders } from "./user-headers.ts";
export { PROTOCOL_VERSION, VERSION_HEADER } from "./version.ts";
