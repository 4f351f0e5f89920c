import type { AppendRecord, Log, LogRecord } from "@shardcast/log";
import {
  type DeadLetter,
  decodeRequest,
  encodeRequest,
  isShardcastError,
  type ParkedPlace,
} from "@shardcast/protocol";
import type { SettleOptions, SkipReason, Verdict } from "./settling.ts";

export interface RedriveOptions extends SettleOptions {
  /** Requests sent a second, on average; more than one where it is a fraction of one. Default: as fast as it goes. */
  readonly ratePerSecond?: number;
  /** A request that was sent again so often is skipped: it would go round for ever. Default {@link DEFAULT_MAX_REDRIVES}. */
  readonly maxRedrives?: number;
  /** Sends also those that were sent again too often. Default false. */
  readonly force?: boolean;
}

const DEFAULT_MAX_REDRIVES = 3;

interface Destination {
  readonly log: Log;
  readonly service: string;
  /** Topic of the requests. */
  readonly topic: string;
}

/**
 * The request of a letter as it is sent again, or why it is not.
 *
 * @param parked where its key is parked
 */
export function resend(
  record: LogRecord,
  letter: DeadLetter,
  { maxRedrives = DEFAULT_MAX_REDRIVES, force = false }: RedriveOptions,
  { log, service, topic }: Destination,
  parked?: ParkedPlace,
): Verdict {
  if (letter.truncated) return skip("truncated");
  if (record.key === null) return skip("not-a-request");
  const decoded = decodeRequest(record, service, letter.id ?? "");
  if (decoded.kind === "malformed") return skip("unreadable");
  if (decoded.kind !== "request") return skip("not-a-request");
  // Nobody waits any more, and the deadline has passed.
  const { replyTo: _replyTo, deadlineMs: _deadlineMs, parked: _parked, ...request } = decoded.request;
  const { redriven = 0 } = request;
  // One that only waited behind others of its parked key has not been tried: it may be fine.
  const isTried = letter.why.code !== "SHARDCAST_KEY_PARKED";
  if (isTried && redriven >= maxRedrives && !force) return skip("redriven-too-often");
  // Greater than what is recorded of the delivery that failed, which would answer it otherwise (decision 012); also where
  // no handler had seen it.
  const attempt = request.attempt + Math.max(1, letter.why.attempts);
  if (!Number.isSafeInteger(attempt)) return skip("unreadable");
  const wire = encodeRequest({
    ...request,
    attempt,
    redriven: redriven + 1,
    ...(parked === undefined ? {} : { parked }),
  });
  const again: AppendRecord = { ...wire, topic, partition: record.partition };
  try {
    log.assertFits(again);
  } catch (error) {
    if (isShardcastError(error) && error.code === "SHARDCAST_BODY_TOO_LARGE") return skip("too-large");
    throw error;
  }
  return { kind: "settle", request: again };
}

function skip(reason: SkipReason): Verdict {
  return { kind: "skip", reason };
}
