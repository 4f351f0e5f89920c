import type { Random } from "../random.ts";
import type { Fate } from "../target/messages.ts";
import type { Target } from "../target/target.ts";
import type { Violations } from "../violations.ts";
import { type RecordCase, recordCase } from "./cases.ts";

const RECORDS = 80;
/** From the last append to the low-water marks at the ends of all lanes. */
const SETTLE_LIMIT_MS = 10_000;

export interface RecordBatch {
  readonly records: number;
  /** A lane does not go on: the target is of no more use. */
  readonly stuck: boolean;
}

/** Appends one batch of records and judges what came of each. */
export async function recordBatch(
  target: Target,
  random: Random,
  violations: Violations,
): Promise<RecordBatch> {
  const cases = Array.from({ length: RECORDS }, () => recordCase(random));
  const records = cases.map(({ record }) => record);
  const { fates, stuck, clientFaults } = await target.append(records, SETTLE_LIMIT_MS);
  for (const lane of stuck) {
    violations.add(`a lane does not reach its end: ${lane}`);
  }
  if (stuck.length > 0) {
    for (const { record, name } of suspects(cases, fates))
      violations.add(`may be what is stuck: ${name}`, record);
    return { records: cases.length, stuck: true };
  }
  for (const fault of clientFaults) violations.add(`a client's request beside the records: ${fault}`);
  for (const [index, given] of cases.entries()) {
    const fault = faultOf(given, fates[index] as Fate);
    if (fault !== undefined) violations.add(`${given.name}: ${fault}`, { ...given, fate: fates[index] });
  }
  return { records: cases.length, stuck: false };
}

/** Records of a stuck batch that should have shown by now, and did not. */
function suspects(cases: readonly RecordCase[], fates: readonly Fate[]): RecordCase[] {
  return cases.filter((given, index) => faultOf(given, fates[index] as Fate) !== undefined).slice(0, 3);
}

function faultOf({ dead, status, body }: RecordCase, fate: Fate): string | undefined {
  if (fate.refused !== undefined) {
    return fate.refused.includes("TypeError") ? `the log threw ${fate.refused}` : undefined;
  }
  if (dead === false && fate.dead !== undefined) return `dead-lettered: ${fate.dead}, ${fate.deadReason}`;
  if (typeof dead === "string" && fate.dead !== dead)
    return `expected ${dead}, in the dead letters is ${fate.dead}`;
  if (typeof dead === "string" && fate.deadReason === "") return "dead-lettered without a reason";
  if (status !== undefined && fate.status !== status) return `expected a reply ${status}, got ${fate.status}`;
  if (body !== undefined && !body.equals(fate.body ?? Buffer.of()))
    return "the reply's body is not the request's";
  return undefined;
}
