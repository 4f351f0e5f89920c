import { isDeepStrictEqual } from "node:util";

/** The tour said something that does not hold: a defect, of Shardcast or of the tour. */
export class TourFault extends Error {}

export function check(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new TourFault(claim);
}

/** As {@link check}, and tells what was found instead. */
export function checkEqual<T>(found: unknown, wanted: T, claim: string): asserts found is T {
  if (isDeepStrictEqual(found, wanted)) return;
  throw new TourFault(`${claim}: wanted ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`);
}
