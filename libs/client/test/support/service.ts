import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import {
  decodeRequest,
  encodeReply,
  encodeResult,
  fingerprintOf,
  laneOfRequestId,
  type ReplyEnvelope,
  type RequestEnvelope,
  type ResultEnd,
  type ResultEnvelope,
  topicsOf,
} from "@shardcast/protocol";
import { onTestFinished } from "vitest";
import { type Client, type ConnectOptions, connect } from "../../src/index.ts";

export const SERVICE = "accounts";
export const LANES = 3;
export const REPLIES = `${SERVICE}.replies`;
export const REQUESTS = `${SERVICE}.requests`;
export const RESULTS = `${SERVICE}.results`;

/** The topics of a service, its requests as they come, and answers at will: a worker by hand. */
export interface FakeService {
  readonly cluster: MemoryCluster;
  readonly requests: readonly RequestEnvelope[];
  /** Resolves with request number `count`, counted from 1. */
  received(count: number): Promise<RequestEnvelope>;
  reply(request: RequestEnvelope, reply?: Partial<ReplyEnvelope>): Promise<void>;
  /** Ids of the requests that were cancelled, in order. */
  readonly cancels: readonly string[];
  /** Resolves when as many cancels came. */
  cancelled(count: number): Promise<void>;
  /** Records how a request ended, in one commit with its lane being done, as its owner would. */
  end(request: RequestEnvelope, end?: Partial<ResultEnd>): Promise<void>;
  /** Records what a request is doing. */
  tell(result: ResultEnvelope): Promise<void>;
  /** Says that everything on the log so far is done. */
  done(): Promise<void>;
  /** Another process's connection. */
  readonly log: Log;
}

export async function startService(
  autoReply?: (request: RequestEnvelope) => Partial<ReplyEnvelope>,
): Promise<FakeService> {
  const cluster = new MemoryCluster();
  const log = createMemoryLog({ cluster });
  await log.ensureTopics(Object.values(topicsOf(SERVICE, { lanes: LANES })));
  const requests: RequestEnvelope[] = [];
  const cancels: string[] = [];
  const waiting: (() => void)[] = [];

  async function commit(lanes: readonly number[], results: readonly ResultEnvelope[]): Promise<void> {
    const session = await log.openSession({ service: SERVICE, member: "by hand", topic: REQUESTS });
    const { kind } = await session.commit({
      progress: lanes.map((lane) => ({
        lane,
        offset: cluster.partition(REQUESTS, lane)?.end ?? 0,
        metadata: "",
      })),
      records: results.map((result) => ({
        topic: RESULTS,
        partition: laneOfRequestId(result.id, LANES) as number,
        ...encodeResult(result),
      })),
    });
    if (kind !== "committed") throw new Error(kind);
    await session.close();
  }

  async function reply(request: RequestEnvelope, fields: Partial<ReplyEnvelope> = {}): Promise<void> {
    if (request.replyTo === undefined) throw new Error("nobody waits for this request");
    const { partition, instance, correlation } = request.replyTo;
    const envelope = {
      id: request.id,
      instance,
      ...(correlation === undefined ? {} : { correlation }),
      status: 200,
      headers: {},
      body: Buffer.from("answer"),
      ...fields,
    };
    await log.append({ topic: REPLIES, partition, ...encodeReply(envelope) });
  }

  const reader = await log.openReader({
    topics: [REQUESTS],
    onRecords: (records) => {
      for (const record of records) {
        const decoded = decodeRequest(record, SERVICE, "test");
        if (decoded.kind === "cancel") cancels.push(decoded.id);
        if (decoded.kind === "malformed") throw new Error(decoded.reason);
        if (decoded.kind !== "request") continue;
        requests.push(decoded.request);
        if (autoReply !== undefined && decoded.request.replyTo !== undefined) {
          void reply(decoded.request, autoReply(decoded.request));
        }
      }
      for (const wake of waiting.splice(0)) wake();
    },
  });
  for (let lane = 0; lane < LANES; lane++) await reader.start(REQUESTS, lane, "earliest");
  onTestFinished(() => log.close());

  async function received(count: number): Promise<RequestEnvelope> {
    for (;;) {
      const request = requests[count - 1];
      if (request !== undefined) return request;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    }
  }

  async function cancelled(count: number): Promise<void> {
    while (cancels.length < count) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    }
  }

  return {
    cluster,
    requests,
    received,
    reply,
    cancels,
    cancelled,
    log,
    end: (request, end = {}) => commit([laneOfRequestId(request.id, LANES) as number], [endOf(request, end)]),
    tell: (result) => commit([], [result]),
    done: () => commit([0, 1, 2], []),
  };
}

/** What an owner says of a request that ended. */
export function endOf(request: RequestEnvelope, fields: Partial<ResultEnd> = {}): ResultEnd {
  return {
    kind: "ended",
    end: "replied",
    id: request.id,
    fencingToken: 1,
    delivery: request.attempt,
    atMs: Date.now(),
    fingerprint: fingerprintOf(request),
    attempts: 1,
    status: 200,
    headers: {},
    body: Buffer.from("recorded"),
    ...fields,
  };
}

/** A client with a connection of its own; both closed after the test. */
export async function connectTo(
  { cluster }: Pick<FakeService, "cluster">,
  options: Partial<ConnectOptions> = {},
): Promise<Client> {
  const log = options.log ?? createMemoryLog({ cluster });
  const client = await connect({ ...options, log });
  onTestFinished(async () => {
    await client.close();
    await log.close();
  });
  return client;
}

/** Timers that are set in this process now. */
export function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}
