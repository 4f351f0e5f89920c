import fc from "fast-check";
import { expect, test } from "vitest";
import { SettledOffsets } from "../src/settled.ts";

const spans = fc
  .tuple(fc.nat(60), fc.integer({ min: 1, max: 8 }))
  .map(([from, length]) => ({ from, to: from + length }));

test("has exactly what was added, in as few spans as can be, and forgets what is below", () => {
  fc.assert(
    fc.property(fc.array(spans), fc.nat(70), (added, low) => {
      const settled = new SettledOffsets();
      const model = new Set<number>();
      for (const span of added) {
        settled.add(span);
        for (let offset = span.from; offset < span.to; offset++) model.add(offset);
      }
      const has = () => Array.from({ length: 80 }, (_, offset) => offset).filter((o) => settled.has(o));
      expect(has()).toEqual([...model].sort((a, b) => a - b));
      expect(settled.size).toBe([...model].filter((offset) => !model.has(offset - 1)).length);
      settled.dropBelow(low);
      expect(has().filter((offset) => offset >= low)).toEqual(
        [...model].filter((offset) => offset >= low).sort((a, b) => a - b),
      );
      settled.dropBelow(100);
      expect(settled.size).toBe(0);
    }),
  );
});
