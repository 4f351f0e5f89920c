import { createMemoryLog, type MemoryCluster } from "@shardcast/log/memory";
import {
  decodeRequest,
  encodeReply,
  encodeResult,
  fingerprintOf,
  type ReplyEnvelope,
  type RequestEnd,
  type RequestEnvelope,
  type ResultEnd,
  type ResultEnvelope,
} from "@shardcast/protocol";
import { onTestFinished } from "vitest";

/** What a worker answers, and for a recorded request how that ended: as the answer says, if it does not. */
export interface FakeAnswer extends Partial<ReplyEnvelope> {
  readonly end?: RequestEnd;
}

/** What the worker answers; nothing for no answer. */
export type Handler = (request: RequestEnvelope) => FakeAnswer | undefined | Promise<FakeAnswer | undefined>;

export interface FakeWorker {
  /** The requests that came so far. */
  readonly requests: readonly RequestEnvelope[];
  /** Ids of the requests that were cancelled so far. */
  readonly cancels: readonly string[];
  /** Resolves when as many requests and cancels came. */
  received(count: number): Promise<void>;
  /** Records what a request is doing. */
  tell(request: RequestEnvelope, kind: "running" | "retrying", attempt: number): Promise<void>;
}

/**
 * Reads the lanes of a service and answers by a function, like a worker without any of its guarantees. What is done is committed,
 * with the results of requests that are recorded; a repetition of one of these gets what is recorded (C5).
 */
export async function startWorker(
  cluster: MemoryCluster,
  service: string,
  lanes: number,
  handler: Handler,
): Promise<FakeWorker> {
  const log = createMemoryLog({ cluster });
  const topic = `${service}.requests`;
  const requests: RequestEnvelope[] = [];
  const cancels: string[] = [];
  const ends = new Map<string, ResultEnd>();
  const chains = new Map<string, Promise<void>>();
  const undone = Array.from({ length: lanes }, () => new Set<number>());
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  async function commit(lane: number, offset: number, results: readonly ResultEnvelope[]): Promise<void> {
    undone[lane]?.delete(offset);
    const mark = Math.min(...(undone[lane] ?? []), cluster.partition(topic, lane)?.end ?? 0);
    try {
      const session = await log.openSession({ service, member: "fake", topic });
      const records = results.map((result) => ({
        topic: `${service}.results`,
        partition: lane,
        ...encodeResult(result),
      }));
      await session.commit({ progress: [{ lane, offset: mark, metadata: "" }], records });
      await session.close();
    } catch {
      // The log is away, as some tests want it.
    }
  }

  /** A repetition comes after the original, as on the lane of its key (C1). */
  function take(request: RequestEnvelope, lane: number, offset: number): void {
    const before = chains.get(request.id);
    if (before === undefined) chains.set(request.id, answer(request, lane, offset));
    else
      chains.set(
        request.id,
        before.then(() => answer(request, lane, offset)),
      );
  }

  async function answer(request: RequestEnvelope, lane: number, offset: number): Promise<void> {
    const answered = await answerTo(request);
    if (answered === undefined) return;
    const { end, ...fields } = answered;
    if (request.recording === undefined) {
      await reply(request, fields);
      await commit(lane, offset, []);
      return;
    }
    const repeated = ends.has(request.id);
    const result = endOf(request, answered);
    if (!repeated) ends.set(request.id, result);
    await commit(lane, offset, repeated ? [] : [result]);
    await reply(request, fields);
  }

  async function answerTo(request: RequestEnvelope): Promise<FakeAnswer | undefined> {
    const recorded = request.recording === undefined ? undefined : ends.get(request.id);
    if (recorded === undefined) return handler(request);
    if (recorded.fingerprint === fingerprintOf(request)) return recorded;
    return { status: 422, error: "SHARDCAST_IDEMPOTENCY_MISMATCH" };
  }

  async function reply(request: RequestEnvelope, fields: Partial<ReplyEnvelope>): Promise<void> {
    const { replyTo } = request;
    if (replyTo === undefined) return;
    const { partition, instance, correlation } = replyTo;
    await log.append({
      topic: `${service}.replies`,
      partition,
      ...encodeReply({
        id: request.id,
        instance,
        ...(correlation === undefined ? {} : { correlation }),
        status: 200,
        headers: {},
        body: Buffer.alloc(0),
        ...fields,
      }),
    });
  }

  const reader = await log.openReader({
    topics: [topic],
    onRecords: (records) => {
      for (const record of records) {
        const { partition, offset } = record;
        const decoded = decodeRequest(record, service, "test");
        if (decoded.kind === "malformed") throw new Error(decoded.reason);
        undone[partition]?.add(offset);
        if (decoded.kind === "cancel") {
          cancels.push(decoded.id);
          void commit(partition, offset, []);
        } else if (decoded.kind === "request") {
          requests.push(decoded.request);
          take(decoded.request, partition, offset);
        }
      }
      for (const { count, resolve } of waiting) if (requests.length + cancels.length >= count) resolve();
    },
  });
  for (let lane = 0; lane < lanes; lane++) await reader.start(topic, lane, "earliest");
  onTestFinished(() => log.close());
  return {
    requests,
    cancels,
    received: (count) =>
      new Promise((resolve) => {
        if (requests.length + cancels.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    tell: async ({ id }, kind, attempt) => {
      const common = { id, fencingToken: 1, delivery: 1, atMs: Date.now(), attempt };
      const result: ResultEnvelope =
        kind === "running" ? { ...common, kind } : { ...common, kind, reason: "no luck" };
      const lane = Number.parseInt(id.slice(-4), 16);
      await log.append({ topic: `${service}.results`, partition: lane, ...encodeResult(result) });
    },
  };
}

function endOf(request: RequestEnvelope, answer: FakeAnswer): ResultEnd {
  const { status = 200, error, contentType, headers = {}, body = Buffer.alloc(0) } = answer;
  return {
    kind: "ended",
    id: request.id,
    end: answer.end ?? (error === undefined ? "replied" : "failed"),
    fencingToken: 1,
    delivery: request.attempt,
    atMs: Date.now(),
    fingerprint: fingerprintOf(request),
    attempts: 1,
    status,
    ...(error === undefined ? {} : { error }),
    ...(contentType === undefined ? {} : { contentType }),
    headers,
    body,
  };
}
