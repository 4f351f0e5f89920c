import { expect, test } from "vitest";
import type { LaneEvent } from "../src/members/member.ts";
import { movesOf } from "../src/members/moves.ts";

const event = (event: LaneEvent["event"], lane: number, atMs: number): LaneEvent => ({
  kind: "lane",
  event,
  lane,
  atMs,
});

test("a move lasts from the release to the next owner's acquisition, whoever tells first", () => {
  const told = [
    event("acquired", 5, 130),
    event("released", 5, 100),
    event("released", 6, 90),
    event("acquired", 6, 95),
  ];
  expect(movesOf(told)).toEqual([
    { lane: 6, fromMs: 90, toMs: 95 },
    { lane: 5, fromMs: 100, toMs: 130 },
  ]);
});

test("a lane that was only taken, or only let go, has not moved; one that moved twice has moved twice", () => {
  expect(movesOf([event("acquired", 1, 10), event("released", 2, 10)])).toEqual([]);
  expect(
    movesOf([
      event("released", 1, 1),
      event("acquired", 1, 2),
      event("released", 1, 3),
      event("acquired", 1, 4),
    ]),
  ).toHaveLength(2);
});

test("a release is the beginning of one move only", () => {
  const told = [event("released", 1, 1), event("acquired", 1, 2), event("acquired", 1, 9)];
  expect(movesOf(told)).toEqual([{ lane: 1, fromMs: 1, toMs: 2 }]);
});

test("a lane that was lost counts from its loss", () => {
  expect(movesOf([event("lost", 1, 10), event("acquired", 1, 25)])).toEqual([
    { lane: 1, fromMs: 10, toMs: 25 },
  ]);
});
