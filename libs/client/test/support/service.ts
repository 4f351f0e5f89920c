import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import {
  decodeRequest,
  encodeReply,
  type ReplyEnvelope,
  type RequestEnvelope,
  topicsOf,
} from "@shardcast/protocol";
import { onTestFinished } from "vitest";
import { type Client, type ConnectOptions, connect } from "../../src/index.ts";

export const SERVICE = "accounts";
export const LANES = 3;
export const REPLIES = `${SERVICE}.replies`;
export const REQUESTS = `${SERVICE}.requests`;

/** The topics of a service, its requests as they come, and answers at will: a worker by hand. */
export interface FakeService {
  readonly cluster: MemoryCluster;
  readonly requests: readonly RequestEnvelope[];
  /** Resolves with request number `count`, counted from 1. */
  received(count: number): Promise<RequestEnvelope>;
  reply(request: RequestEnvelope, reply?: Partial<ReplyEnvelope>): Promise<void>;
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
  const waiting: (() => void)[] = [];

  async function reply(request: RequestEnvelope, fields: Partial<ReplyEnvelope> = {}): Promise<void> {
    if (request.replyTo === undefined) throw new Error("nobody waits for this request");
    const { partition, instance } = request.replyTo;
    const envelope = {
      id: request.id,
      instance,
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
        if (decoded.kind !== "request") throw new Error(decoded.kind);
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
  return { cluster, requests, received, reply, log };
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
