import type { RedriveOptions } from "./redrive.ts";
import { settleLetters } from "./settle.ts";
import type { Plan, SettleParts, SettleReport, SkipReason, Unparking } from "./settling.ts";

const MAX_ROUNDS = 10;
/** How long the owner of the lane may take to come to what unparks the key, milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * A redrive, and of a single key that is parked as many more as it takes: what has come between looking and sending lies
 * parked behind what was sent, and would stay.
 */
export async function redriveRounds(
  parts: SettleParts,
  options: RedriveOptions,
  plan: Plan,
): Promise<SettleReport> {
  const { key, signal } = options;
  let { report, unparking } = await settleLetters(parts, options, plan);
  if (key === undefined || report.dryRun) return report;
  for (let round = 1; round < MAX_ROUNDS && unparking !== undefined; round++) {
    const came = await newLettersCame(parts, Buffer.from(key), unparking, signal);
    if (!came || signal?.aborted) break;
    const { cursor: _cursor, limit, ...rest } = options;
    const left = limit === undefined ? undefined : limit - report.matched;
    if (left !== undefined && left < 1) break;
    const next = await settleLetters(
      parts,
      { ...rest, ...(left === undefined ? {} : { limit: left }) },
      plan,
    );
    report = joined(report, next.report);
    unparking = next.unparking;
  }
  const lanes = Array.from({ length: parts.lanes }, (_, lane) => lane);
  const isParked = lanes.some((lane) => parts.follower.parked(lane).has(Buffer.from(key)));
  return isParked ? { ...report, parked: true } : report;
}

/**
 * Waits until the key is unparked, or has letters that nobody has sent yet: then true. False also when one of those sent has
 * failed again, and when it takes too long.
 */
async function newLettersCame(
  { follower }: SettleParts,
  key: Buffer,
  { lane, upTo }: Unparking,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const keys = follower.parked(lane);
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    if (!keys.has(key) || keys.stops(key, upTo)) return false;
    if (!keys.endsAt(key, upTo)) return true;
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0 || signal?.aborted) return false;
    await follower.news(leftMs, signal);
  }
}

function joined(first: SettleReport, second: SettleReport): SettleReport {
  const skipped: Partial<Record<SkipReason, number>> = { ...first.skipped };
  for (const [reason, count] of Object.entries(second.skipped) as [SkipReason, number][]) {
    skipped[reason] = (skipped[reason] ?? 0) + count;
  }
  return {
    ...second,
    skipped,
    matched: first.matched + second.matched,
    redriven: first.redriven + second.redriven,
    settledBefore: first.settledBefore,
    outcomes: [...first.outcomes, ...second.outcomes],
  };
}
