import type { Log, LogRecord } from "@shardcast/log";
import {
  decodeControl,
  decodeReply,
  decodeReplyFence,
  decodeRequest,
  decodeResult,
  groupOf,
  type RequestEnvelope,
  type ServiceTopics,
} from "@shardcast/protocol";
import type {
  ControlOnLog,
  EndOnLog,
  History,
  MarkOnLog,
  ProgressSample,
  ReplyOnLog,
  RequestOnLog,
} from "./checker/history.ts";
import { hostMs } from "./host-clock.ts";

type OnTopics = Pick<History, "requests" | "recorded" | "ends" | "replies" | "marks" | "dead">;

/** What a run has left on the log. */
export async function readTopics(log: Log, service: string, topics: ServiceTopics): Promise<OnTopics> {
  const [requests, results, replies, dead] = await Promise.all([
    readAll(log, topics.requests.name),
    readAll(log, topics.results.name),
    readAll(log, topics.replies.name),
    readAll(log, topics.dead.name),
  ]);
  return {
    requests: requests.flatMap((record) => requestOf(record, service, isPlain)),
    recorded: requests.flatMap((record) => requestOf(record, service, isRecorded)),
    ends: results.flatMap(endOf),
    replies: replies.flatMap(replyOf),
    marks: replies.flatMap(markOf),
    dead: new Set(dead.flatMap((record) => requestOf(record, service, () => true)).map(({ id }) => id)),
  };
}

/** Collects `S.control` while a run lasts, as everybody folds it: it is compacted, and later not all of it is there. */
export async function collectControl(log: Log, topics: ServiceTopics) {
  const records: ControlOnLog[] = [];
  const { name: topic } = topics.control;
  const reader = await log.openReader({
    topics: [topic],
    isolation: "uncommitted",
    start: [{ topic, partition: 0, from: "earliest" }],
    onRecords: (batch) => void records.push(...batch.flatMap(controlOf)),
  });
  return {
    /** All there is now. */
    async finish(): Promise<readonly ControlOnLog[]> {
      const [range] = await log.rangesOf(topic);
      await reader.reached(topic, 0, range?.high ?? 0);
      await reader.close();
      return records;
    },
  };
}

/** What is committed now, by lane. */
export async function sampleProgress(log: Log, service: string, topics: ServiceTopics, prefix: string) {
  const progress = await log.progressOf(groupOf(service, prefix), topics.requests.name);
  const tMs = hostMs();
  return [...progress.values()].map(
    ({ lane, offset, metadata }): ProgressSample => ({
      tMs,
      lane,
      low: offset,
      doneAbove: doneAbove(offset, metadata),
    }),
  );
}

/** Read here on its own: `b`, then a bitmap in base64url whose bit i stands for the offset `low + 1 + i`. */
export function doneAbove(low: number, metadata: string): number[] {
  if (!metadata.startsWith("b")) return [];
  const bytes = Buffer.from(metadata.slice(1), "base64url");
  return [...bytes].flatMap((byte, i) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (1 << bit)).map((bit) => low + 1 + i * 8 + bit),
  );
}

async function readAll(log: Log, topic: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const ranges = await log.rangesOf(topic);
  const reader = await log.openReader({
    topics: [topic],
    start: ranges.map((_, partition) => ({ topic, partition, from: "earliest" })),
    onRecords: (batch) => void records.push(...batch),
  });
  try {
    await Promise.all(ranges.map(({ high }, partition) => reader.reached(topic, partition, high)));
    return records;
  } finally {
    await reader.close();
  }
}

const isRecorded = ({ recording }: RequestEnvelope) => recording !== undefined;
const isPlain = (request: RequestEnvelope) => !isRecorded(request);

function requestOf(
  record: LogRecord,
  service: string,
  wanted: (request: RequestEnvelope) => boolean,
): RequestOnLog[] {
  const { partition: lane, offset } = record;
  const decoded = decodeRequest(record, service, `${lane}/${offset}`);
  if (decoded.kind === "cancel" || decoded.kind === "unpark") return [];
  if (decoded.kind === "malformed") throw new Error(`${record.topic}/${lane}/${offset}: ${decoded.reason}`);
  if (!wanted(decoded.request)) return [];
  const { id, key, body } = decoded.request;
  const { n } = JSON.parse(body.toString()) as { readonly n: number };
  return [{ id, key: key.toString(), n, lane, offset }];
}

function replyOf(record: LogRecord): ReplyOnLog[] {
  const { partition, offset } = record;
  if (decodeReplyFence(record) !== undefined) return [];
  const reply = decodeReply(record);
  if (reply === undefined) throw new Error(`${record.topic}/${partition}/${offset} is no reply`);
  return [{ id: reply.id, partition, offset, token: reply.fencingToken, error: reply.error }];
}

function endOf(record: LogRecord): EndOnLog[] {
  const { partition: lane, offset } = record;
  const result = decodeResult(record);
  if (result === undefined) throw new Error(`${record.topic}/${lane}/${offset} is no result`);
  if (result.kind !== "ended") return [];
  const { id, fencingToken: token, delivery, end, status, body } = result;
  return [{ id, lane, offset, token, delivery, end, status, body: body.toString() }];
}

function markOf(record: LogRecord): MarkOnLog[] {
  const { partition, offset } = record;
  const fence = decodeReplyFence(record);
  return fence === undefined ? [] : [{ partition, offset, tokens: fence.tokens }];
}

function controlOf(record: LogRecord): ControlOnLog[] {
  const decoded = decodeControl(record);
  return decoded === undefined ? [] : [{ offset: record.offset, record: decoded }];
}
