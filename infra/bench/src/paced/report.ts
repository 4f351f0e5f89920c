import { percentile, printFigure, ratioOf } from "../figures.ts";

const SHOWN = [
  ["p50", 50],
  ["p99", 99],
  ["worst", 100],
] as const;

/** Milliseconds, ascending. */
export function printWaits(name: string, waits: Float64Array): void {
  for (const [suffix, percent] of SHOWN) {
    printFigure({ name: `${name}.${suffix}`, value: percentile(waits, percent), unit: "ms" });
  }
}

/** Waits while something happened, beside those of the same run while nothing did. Both ascending. */
export function printBeside(calmName: string, calm: Float64Array, name: string, waits: Float64Array): void {
  printWaits(calmName, calm);
  for (const [suffix, percent] of SHOWN) {
    const value = percentile(waits, percent);
    printFigure({
      name: `${name}.${suffix}`,
      value,
      unit: "ms",
      against: `${calmName}.${suffix}`,
      ratio: ratioOf(value, percentile(calm, percent)),
    });
  }
}
