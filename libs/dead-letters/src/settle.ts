import { groupOf, isShardcastError, ShardcastError } from "@shardcast/protocol";
import { decodeCursor, stretchesOf } from "./cursor.ts";
import { Run } from "./run.ts";
import { assertCount, assertSelection, invalid } from "./selection.ts";
import {
  DEFAULT_SETTLED,
  MAX_SETTLED,
  type Plan,
  type SettleOptions,
  type SettleParts,
  type SettleReport,
  type Unparking,
} from "./settling.ts";

/** Whoever opens a session of this name ends the one before: only one settles letters of a service at a time. */
const MEMBER = "@redrive";

interface Settled {
  readonly report: SettleReport;
  /** The last one. */
  readonly unparking?: Unparking;
}

/** Goes through the letters of a selection, lane by lane in their order, and settles them batch by batch. */
export async function settleLetters(
  parts: SettleParts,
  options: SettleOptions,
  plan: Plan,
): Promise<Settled> {
  const { lanes, log, service, prefix, topics } = parts;
  const { ids, limit = DEFAULT_SETTLED, dryRun = false } = options;
  assertSelection(options, lanes);
  assertCount("limit", limit, MAX_SETTLED);
  if (ids !== undefined && ids.length > MAX_SETTLED) throw invalid(`ids: at most ${MAX_SETTLED}`);
  const start = options.cursor === undefined ? undefined : decodeCursor(options.cursor, lanes, options.lane);
  const session = dryRun
    ? undefined
    : await log.openSession({
        service: groupOf(service, prefix),
        member: MEMBER,
        topic: topics.requests.name,
      });
  const run = new Run(parts, { ...options, limit }, plan, session);
  try {
    // After the session is open: what the one before has committed is visible, and it can not commit any more.
    const ranges = await parts.follower.sync();
    for (const stretch of stretchesOf(ranges, options.lane, start)) {
      if (!(await run.goThrough(stretch))) break;
    }
    const { report, unparking } = run;
    return { report, ...(unparking === undefined ? {} : { unparking }) };
  } catch (error) {
    if (!isShardcastError(error)) throw error;
    const { outcomes: _outcomes, ...soFar } = run.report;
    const detail = `${error.message}; ${soFar.redriven + soFar.discarded} letters were settled before`;
    throw new ShardcastError(error.code, detail, { cause: error, extensions: { soFar } });
  } finally {
    await session?.close();
  }
}
