import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyChains } from "../../src/execution/key-chains.ts";
import { quiet } from "../support/world.ts";

test("C1: tasks of a key run one at a time and in order, whatever order they end in; none is left behind", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 40 }),
      fc.infiniteStream(fc.nat()),
      async (keys, picks) => {
        const chains = new KeyChains();
        const running = new Map<string, number>();
        const ended: string[] = [];
        const endings: (() => void)[] = [];
        for (const [n, key] of keys.entries()) {
          chains.run(key, async () => {
            expect(running.get(key)).toBeUndefined();
            running.set(key, n);
            await new Promise<void>((resolve) => endings.push(resolve));
            running.delete(key);
            ended.push(`${key}${n}`);
          });
        }
        // every key has begun, side by side
        expect([...running.keys()].sort()).toEqual([...new Set(keys)].sort());
        expect(chains.size).toBe(new Set(keys).size);
        for (const pick of picks) {
          if (endings.length === 0) break;
          endings.splice(pick % endings.length, 1)[0]?.();
          for (let i = 0; i < 10; i++) await Promise.resolve();
        }
        for (const key of new Set(keys)) {
          const own = keys.flatMap((each, n) => (each === key ? [`${key}${n}`] : []));
          expect(ended.filter((each) => own.includes(each))).toEqual(own);
        }
        expect(ended).toHaveLength(keys.length);
        await quiet();
        expect(chains.size).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});
