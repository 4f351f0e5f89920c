import type { Log } from "@shardcast/log";
import {
  encodeResult,
  type RequestEnvelope,
  type ResultEnvelope,
  type ServiceTopics,
} from "@shardcast/protocol";
import type { LaneScope } from "./request.ts";

/** Who wants to know of the attempts of one request. */
export interface AttemptNews {
  /** An attempt starts, counted from 1. */
  started(attempt: number): void;
  /** It has failed, and another will follow. */
  failed(attempt: number, reason: string): void;
}

/**
 * Says on the log what a request does that is recorded with its progress. Nothing rests on it: it is not waited for, and
 * lost where the log does not take it.
 */
export function tellAttempts(
  log: Log,
  { results }: ServiceTopics,
  { lane, fencingToken, lease, signal, logger }: LaneScope,
  { id, attempt: delivery }: RequestEnvelope,
): AttemptNews {
  function tell(result: ResultEnvelope): void {
    if (!lease.valid || signal.aborted) return;
    log
      .append({ topic: results.name, partition: lane, ...encodeResult(result) })
      .catch((error: unknown) => logger.debug({ err: error, requestId: id }, "progress not recorded"));
  }
  const told = () => ({ id, fencingToken, delivery, atMs: Date.now() });
  return {
    started: (attempt) => tell({ ...told(), kind: "running", attempt }),
    failed: (attempt, reason) => tell({ ...told(), kind: "retrying", attempt, reason }),
  };
}
