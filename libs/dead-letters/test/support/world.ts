import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster, type MemoryClusterOptions } from "@shardcast/log/memory";
import {
  type DeadLetterReason,
  decodeRedriven,
  decodeRequest,
  encodeDeadLetter,
  encodeRequest,
  type IncomingRecord,
  newRequestId,
  type RequestEnvelope,
  topicsOf,
} from "@shardcast/protocol";
import { onTestFinished } from "vitest";
import { type DeadLetters, type ListOptions, openDeadLetters } from "../../src/index.ts";

export const SERVICE = "accounts";
export const LANES = 3;
export const topics = topicsOf(SERVICE, { lanes: LANES });

/** A log in memory with the service's topics. */
export async function startWorld(options: MemoryClusterOptions & { readonly lanes?: number } = {}) {
  const { lanes = LANES } = options;
  const cluster = new MemoryCluster(options);
  const log = createMemoryLog({ cluster });
  await log.ensureTopics(Object.values(topicsOf(SERVICE, { lanes })));

  /** What lies on a partition now. */
  const read = (topic: string, lane: number) => cluster.partition(topic, lane)?.read(0, 1_000_000) ?? [];

  return {
    cluster,
    log,
    read,

    /** The dead letters as another process sees them; closed after the test. */
    async open(own: Log = createMemoryLog({ cluster })): Promise<DeadLetters> {
      const opened = await openDeadLetters(own, { service: SERVICE, lanes });
      onTestFinished(() => opened.close());
      return opened;
    },

    /** Gives a record up, as a worker does. Resolves to the letter's offset. */
    async bury(lane: number, record: IncomingRecord, why: Partial<DeadLetterReason> = {}): Promise<number> {
      const letter = encodeDeadLetter(record, { ...WHY, ...why });
      return (await log.append({ topic: topics.dead.name, partition: lane, ...letter })).offset;
    },

    /** The requests that were sent again, by lane, in their order. */
    requests(lane: number): RequestEnvelope[] {
      return read(topics.requests.name, lane).map((record) => {
        const decoded = decodeRequest(record, SERVICE, "?");
        if (decoded.kind !== "request") throw new Error(decoded.kind);
        return decoded.request;
      });
    },

    markers: (lane: number) => read(topics.dead.name, lane).flatMap((record) => decodeRedriven(record) ?? []),
  };
}

export const WHY: DeadLetterReason = {
  code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
  reason: "the handler failed 3 times",
  attempts: 3,
  origin: { topic: topics.requests.name, partition: 0, offset: 7 },
  member: "0",
  atMs: 1_000,
};

export function request(more: Partial<RequestEnvelope> = {}): RequestEnvelope {
  return {
    id: newRequestId(0),
    service: SERVICE,
    key: Buffer.from("carol"),
    handler: "deposit",
    attempt: 1,
    headers: {},
    body: Buffer.from("{}"),
    ...more,
  };
}

export function recordOf(more: Partial<RequestEnvelope> = {}): IncomingRecord {
  return encodeRequest(request(more));
}

/** Every page of a listing. */
export async function pagesOf(letters: DeadLetters, options: ListOptions) {
  const pages = [await letters.list(options)];
  for (let cursor = pages[0]?.cursor; cursor !== undefined; cursor = pages.at(-1)?.cursor) {
    pages.push(await letters.list({ ...options, cursor }));
  }
  return pages;
}

/** `lane/offset` of every letter of a listing. */
export async function placesOf(letters: DeadLetters, options: ListOptions = {}): Promise<string[]> {
  const pages = await pagesOf(letters, options);
  return pages.flatMap((page) => page.letters.map(({ lane, offset }) => `${lane}/${offset}`));
}
