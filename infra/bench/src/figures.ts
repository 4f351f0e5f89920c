/** One measured number, printed as one line of JSON. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: "ms" | "requests/s" | "x" | "requests" | "lanes" | "results" | "CPU s/s" | "MB";
  /** What it is compared with, measured in the same run. */
  readonly against?: string;
  /** This value divided by the other's. */
  readonly ratio?: number;
}

export function printFigure(figure: Figure): void {
  const rounded = {
    ...figure,
    value: round(figure.value),
    ...(figure.ratio === undefined ? {} : { ratio: round(figure.ratio) }),
  };
  process.stdout.write(`${JSON.stringify(rounded)}\n`);
}

/** Several runs' samples as one, ascending. */
export function sorted(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.sort();
}

/** The nearest-rank percentile of ascending samples: a value that was measured, never one in between. */
export function percentile(samples: Float64Array, percent: number): number {
  if (!(percent > 0 && percent <= 100)) throw new RangeError(`percent: over 0 to 100, got ${percent}`);
  const value = samples[Math.ceil((percent / 100) * samples.length) - 1];
  if (value === undefined) throw new RangeError("no samples: nothing was measured");
  return value;
}

export function ratioOf(value: number, against: number): number {
  if (!(against > 0)) throw new RangeError(`a ratio against ${against} says nothing`);
  return value / against;
}

/** Four significant digits: what follows is noise. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
