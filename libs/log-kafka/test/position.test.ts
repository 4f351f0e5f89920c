import { expect, test } from "vitest";
import { judge, type Position } from "../src/position.ts";

const at = (next: number, paused = false): Position => ({ topic: "t", partition: 0, next, paused });

test("a batch fetched from the position, or from before it, is delivered from the position on", () => {
  expect(judge(at(10), 10)).toBe("deliver");
  expect(judge(at(10), 3)).toBe("deliver");
});

test("a batch fetched from beyond the position may have skipped records", () => {
  expect(judge(at(10), 11)).toBe("gap");
});

test("a batch of a paused partition is read again later, wherever it begins", () => {
  for (const fetchedFrom of [3, 10, 11]) expect(judge(at(10, true), fetchedFrom)).toBe("reread");
});
