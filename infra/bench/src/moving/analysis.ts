import { percentile } from "../figures.ts";
import type { Move } from "../members/moves.ts";
import { pauseOf, type Sample, type Window, waitingWithin, waitsOf } from "../paced/samples.ts";

/** When nothing happened, and which lanes moved when, change of the map by change. */
export interface RoundTimes {
  readonly calm: readonly Window[];
  readonly moves: readonly (readonly Move[])[];
}

/** Milliseconds, each ascending. */
export interface MoveFigures {
  /** Waits of all lanes while nothing happened. */
  readonly calmMs: Float64Array;
  /** Waits of lanes that stayed, while others moved. */
  readonly stayedMs: Float64Array;
  /** One of each lane that moved. */
  readonly pausesMs: Float64Array;
}

/** A lane that was just taken works off what has waited. */
const CATCH_UP_MS = 500;

export function measure({ calm, moves }: RoundTimes, samples: readonly Sample[]): MoveFigures {
  const calmMs = waitsOf(calm.flatMap((window) => waitingWithin(samples, window)));
  const usualMs = percentile(calmMs, 50);
  const stayed: Sample[] = [];
  const pauses: number[] = [];
  for (const moved of moves) {
    if (moved.length === 0) continue;
    const lanes = new Set(moved.map(({ lane }) => lane));
    stayed.push(...waitingWithin(samples, spanOf(moved)).filter(({ lane }) => !lanes.has(lane)));
    for (const each of moved) {
      const pauseMs = pauseOf(each.lane, withCatchUp(each), samples, usualMs);
      if (pauseMs === undefined) throw new Error(`lane ${each.lane} was not asked while it moved`);
      pauses.push(pauseMs);
    }
  }
  return { calmMs, stayedMs: waitsOf(stayed), pausesMs: Float64Array.from(pauses).sort() };
}

/** From the first release to when the last lane that was taken has caught up. */
function spanOf(moved: readonly Move[]): Window {
  const fromMs = Math.min(...moved.map((each) => each.fromMs));
  return withCatchUp({ fromMs, toMs: Math.max(...moved.map((each) => each.toMs)) });
}

function withCatchUp({ fromMs, toMs }: Window): Window {
  return { fromMs, toMs: toMs + CATCH_UP_MS };
}
