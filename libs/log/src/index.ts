export type { AppendRecord } from "./append-record.ts";
export { Coalesced } from "./coalesced.ts";
export type { Log, OffsetRange } from "./log.ts";
export type { LogReader, LogRecord, ReaderOptions, StartFrom, StartPosition } from "./reader.ts";
export type { CommitOutcome, CommitWork, LaneProgress, MemberSession, SessionOptions } from "./session.ts";
export { MAX_METADATA_BYTES } from "./session.ts";
