import type { AppendRecord, Log } from "@shardcast/log";
import { isShardcastError } from "@shardcast/protocol";
import type { Outbox, ProgressSource } from "./outbox.ts";
import type { LaneScope } from "./request.ts";
import { retry } from "./retry.ts";

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;
/** About once a minute. */
const REFUSALS_PER_LINE = 30;

/** How what came of the requests of one lane gets onto the log. */
export interface Delivery {
  /** Begins what comes of the request at an offset. `source` is told when that and its progress are in one commit. */
  begin(source: ProgressSource, offset: number): Parcel;
}

/** The records that come of one request. */
export interface Parcel {
  /**
   * Puts a record on the log, however long the log is away; and until `insistUntilMs` (monotonic) also while it refuses. Or
   * sees to it that {@link sent} does.
   *
   * @throws {ShardcastError} SHARDCAST_BODY_TOO_LARGE, what the log refuses it with; the reason of the lane's signal
   */
  add(record: AppendRecord, insistUntilMs: number): Promise<void>;
  /** Resolves when all of them are on the log. */
  sent(): Promise<void>;
}

/** At least once: each record is appended at once, and only while the lease is valid (C4). */
export function appendAtOnce(log: Log, { over: signal, logger, lease }: LaneScope): Delivery {
  async function append(record: AppendRecord): Promise<void> {
    if (!lease.valid) await lease.held(signal);
    await log.append(record);
  }
  const parcel: Parcel = {
    add: (record, insistUntilMs) =>
      retry(() => append(record), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: RETRY_MIN_MS,
        maxTimeout: RETRY_MAX_MS,
        randomize: true,
        signal,
        shouldRetry: ({ error }) => {
          if (!isShardcastError(error) || error.code === "SHARDCAST_BODY_TOO_LARGE") return false;
          return error.code !== "SHARDCAST_CLOSED" && (error.retryable || performance.now() < insistUntilMs);
        },
        onFailedAttempt: ({ error, attemptNumber }) => {
          const refused = isShardcastError(error) && error.code === "SHARDCAST_LOG_REFUSED";
          if (attemptNumber % REFUSALS_PER_LINE === 1 && refused)
            logger.error({ err: error, topic: record.topic }, "refused by the log; trying on");
        },
      }),
    sent: () => Promise.resolve(),
  };
  return { begin: () => parcel };
}

/** The records are committed together with the progress: all replies where a service wants that (EOS), and all results. */
export function withProgress(log: Log, outbox: Outbox, { lane, over: signal }: LaneScope): Delivery {
  return {
    begin(source, offset) {
      const records: AppendRecord[] = [];
      return {
        async add(record) {
          signal.throwIfAborted();
          log.assertFits(record);
          records.push(record);
        },
        async sent() {
          // The next commit of progress tells it; nobody waits for more.
          if (records.length > 0) await outbox.add({ lane, offset, source, records }, signal);
        },
      };
    },
  };
}
