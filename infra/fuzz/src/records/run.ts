import type { Random } from "@shardcast/infra-random";
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
    const { topic, partition, lowWaterMark, end } = lane;
    const first = cases.findIndex(({ record }, index) => {
      return (
        record.topic === topic && record.partition === partition && fates[index]?.offset === lowWaterMark
      );
    });
    const name = cases[first]?.name ?? "a request of the gateway or client";
    violations.add(
      `stuck at ${name}: ${topic}/${partition}, ${end - lowWaterMark} records left`,
      cases[first],
    );
  }
  if (stuck.length > 0) return { records: cases.length, stuck: true };
  for (const fault of clientFaults) violations.add(`a client's request beside the records: ${fault}`);
  for (const [index, given] of cases.entries()) {
    const fault = faultOf(given, fates[index] as Fate);
    if (fault !== undefined) violations.add(`${given.name}: ${fault}`, { ...given, fate: fates[index] });
  }
  return { records: cases.length, stuck: false };
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
