export type { AppendRecord, Log } from "./log.ts";
export type { LogReader, LogRecord, ReaderOptions } from "./reader.ts";
export type { CommitOutcome, LaneProgress, MemberSession, SessionOptions } from "./session.ts";
export { MAX_METADATA_BYTES } from "./session.ts";
