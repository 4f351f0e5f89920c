import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { encodeResult, type ResultEnd, type ResultEnvelope, topicsOf } from "@shardcast/protocol";
import { onTestFinished } from "vitest";
import { openResults, type Results, type ResultsOptions } from "../../src/index.ts";

export const SERVICE = "accounts";
export const LANES = 2;

export function ended(id: string, fields: Partial<ResultEnd> = {}): ResultEnd {
  return {
    kind: "ended",
    id,
    fencingToken: 7,
    delivery: 1,
    atMs: Date.now(),
    end: "replied",
    fingerprint: "f",
    attempts: 1,
    status: 200,
    headers: {},
    body: Buffer.from(`answer of ${id}`),
    ...fields,
  };
}

export function running(
  id: string,
  fields: { fencingToken?: number; delivery?: number; atMs?: number } = {},
) {
  const told = { id, fencingToken: 7, delivery: 1, atMs: Date.now(), ...fields };
  return { ...told, kind: "running", attempt: 1 } as const;
}

/** A log in memory with the topic of results, and what to do with it. */
export async function openWorld(): Promise<{
  readonly log: Log;
  readonly cluster: MemoryCluster;
  append(result: ResultEnvelope, lane?: number): Promise<void>;
  /** Results that are followed until the end of the test. */
  follow(options?: Partial<ResultsOptions>): Promise<Results>;
}> {
  const cluster = new MemoryCluster();
  const log = createMemoryLog({ cluster });
  onTestFinished(() => log.close());
  const { results: topic } = topicsOf(SERVICE, { lanes: LANES });
  await log.ensureTopics([topic]);
  return {
    log,
    cluster,
    async append(result, lane = 0) {
      await log.append({ topic: topic.name, partition: lane, ...encodeResult(result) });
    },
    async follow(options = {}) {
      const results = await openResults(log, { service: SERVICE, lanes: LANES, ...options });
      onTestFinished(() => results.close());
      return results;
    },
  };
}
