import { expect, test } from "vitest";
import { measure } from "../src/moving/analysis.ts";
import type { Sample } from "../src/paced/samples.ts";

const sample = (lane: number, dueMs: number, waitMs: number): Sample => ({
  lane,
  dueMs,
  answeredMs: dueMs + waitMs,
  by: 1,
});
const calm = [{ fromMs: 0, toMs: 1_000 }];
const calmly = [sample(0, 100, 9), sample(1, 200, 10), sample(2, 300, 11)];

test("lanes that moved tell of pauses, the others of what they noticed meanwhile", () => {
  const moves = [
    [
      { lane: 0, fromMs: 2_000, toMs: 2_050 },
      { lane: 1, fromMs: 2_100, toMs: 2_150 },
    ],
  ];
  const samples = [
    ...calmly,
    sample(0, 1_990, 80),
    sample(1, 2_110, 50),
    sample(2, 1_900, 50), // before anything moved
    sample(2, 2_060, 12), // between the two moves
    sample(2, 2_600, 14), // while the last one catches up
    sample(2, 2_700, 999), // after it
  ];
  const figures = measure({ calm, moves }, samples);
  expect([...figures.calmMs]).toEqual([9, 10, 11]);
  expect([...figures.pausesMs]).toEqual([40, 70]);
  expect([...figures.stayedMs]).toEqual([12, 14]);
});

test("a lane that stays at one change of the map and moves at another counts where it belongs", () => {
  const moves = [[{ lane: 0, fromMs: 2_000, toMs: 2_010 }], [{ lane: 1, fromMs: 5_000, toMs: 5_010 }]];
  const samples = [...calmly, sample(0, 2_000, 30), sample(1, 2_000, 12), sample(1, 5_000, 40)];
  const figures = measure({ calm, moves }, samples);
  expect([...figures.pausesMs]).toEqual([20, 30]);
  expect([...figures.stayedMs]).toEqual([12]);
});

test("a move that nobody's request could notice is no proof of anything", () => {
  const moves = [[{ lane: 0, fromMs: 2_000, toMs: 2_010 }]];
  expect(() => measure({ calm, moves }, calmly)).toThrow("lane 0 was not asked while it moved");
});
