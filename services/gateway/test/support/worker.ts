import { createMemoryLog, type MemoryCluster } from "@shardcast/log/memory";
import { decodeRequest, encodeReply, type ReplyEnvelope, type RequestEnvelope } from "@shardcast/protocol";
import { onTestFinished } from "vitest";

/** What the worker answers; nothing for no answer. */
export type Handler = (
  request: RequestEnvelope,
) => Partial<ReplyEnvelope> | undefined | Promise<Partial<ReplyEnvelope> | undefined>;

export interface FakeWorker {
  /** The requests that came so far. */
  readonly requests: readonly RequestEnvelope[];
  /** Resolves when as many came. */
  received(count: number): Promise<void>;
}

/** Reads the lanes of a service and answers by a function, like a worker without any of its guarantees. */
export async function startWorker(
  cluster: MemoryCluster,
  service: string,
  lanes: number,
  handler: Handler,
): Promise<FakeWorker> {
  const log = createMemoryLog({ cluster });
  const requests: RequestEnvelope[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  async function answer(request: RequestEnvelope): Promise<void> {
    const reply = await handler(request);
    const { replyTo } = request;
    if (reply === undefined || replyTo === undefined) return;
    await log.append({
      topic: `${service}.replies`,
      partition: replyTo.partition,
      ...encodeReply({
        id: request.id,
        instance: replyTo.instance,
        status: 200,
        headers: {},
        body: Buffer.alloc(0),
        ...reply,
      }),
    });
  }

  const reader = await log.openReader({
    topics: [`${service}.requests`],
    onRecords: (records) => {
      for (const record of records) {
        const decoded = decodeRequest(record, service, "test");
        if (decoded.kind !== "request") throw new Error(decoded.kind);
        requests.push(decoded.request);
        void answer(decoded.request);
      }
      for (const { count, resolve } of waiting) if (requests.length >= count) resolve();
    },
  });
  for (let lane = 0; lane < lanes; lane++) await reader.start(`${service}.requests`, lane, "earliest");
  onTestFinished(() => log.close());
  return {
    requests,
    received: (count) =>
      new Promise((resolve) => {
        if (requests.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
  };
}
