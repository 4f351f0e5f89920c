import { type BroadcastStatus, ShardcastError } from "@shardcast/protocol";
import type { Call } from "../call.ts";
import { EXIT_CODES, type ExitName, exitOfError, exitOfVerdict } from "../exit-codes.ts";
import { progressOf } from "./choose-progress.ts";
import { follow } from "./follow.ts";

/** A broadcast that is on the log. */
export interface Accepted {
  readonly status: BroadcastStatus;
  /** It was before, with the same idempotency key. */
  readonly replayed: boolean;
}

export interface WaitOptions {
  /** Milliseconds, its publishing included. Absent: as long as it takes. */
  readonly waitMs?: number;
  readonly json: boolean;
  /** Until everything final was said, not only until there is a verdict. */
  readonly toTheEnd?: boolean;
}

/**
 * Publishes a broadcast, or looks one up, and shows what comes of it until the verdict or the end of the wait. Whoever leaves
 * before is told how to come back: the broadcast goes on (C6).
 *
 * @throws {ShardcastError} what `find` threw, SHARDCAST_LOG_UNAVAILABLE when it took longer than the wait
 */
export async function waitFor(
  { world, client, again }: Call,
  find: (until: AbortSignal) => Promise<Accepted>,
  { waitMs, json, toTheEnd = false }: WaitOptions,
): Promise<ExitName> {
  const { signal, stderr } = world;
  const progress = progressOf(world, json);
  const over = new AbortController();
  const timer = waitMs === undefined ? undefined : setTimeout(() => over.abort(), waitMs);
  const until = AbortSignal.any([signal, over.signal]);
  try {
    const { status: from, replayed } = await find(until).catch((error: unknown) => {
      throw over.signal.aborted ? noAnswer(error) : error;
    });
    progress.accepted(from, replayed);
    const last = await follow({ client, service: from.service, from, progress, until, toTheEnd });
    const exit = signal.aborted ? exitOfError(signal.reason) : exitOfVerdict(last.verdict);
    progress.ended(last, EXIT_CODES[exit].code);
    if (signal.aborted) stderr.write(wayBack("interrupted", again, last));
    else if (exit === "timeout") stderr.write(wayBack("no verdict within the wait", again, last));
    return exit;
  } finally {
    clearTimeout(timer);
    progress.close();
  }
}

function noAnswer(cause: unknown): ShardcastError {
  const detail = "the gateway did not answer within the wait; it may have accepted the broadcast";
  return new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", detail, { cause });
}

function wayBack(why: string, again: string, { service, id }: BroadcastStatus): string {
  return [
    `${why}; the broadcast goes on`,
    `  look at it:  ${again} status ${service} ${id} --watch`,
    `  cancel it:   ${again} cancel ${service} ${id}`,
    "",
  ].join("\n");
}
