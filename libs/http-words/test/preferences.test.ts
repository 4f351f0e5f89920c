import { describe, expect, it } from "vitest";
import { parsePrefer } from "../src/preferences.ts";

describe("parsePrefer", () => {
  it("reads tokens, words, quoted words and leaves parameters and nonsense out", () => {
    expect(parsePrefer('A; p="x, y", b=c ;d, e="f \\" , g", =h, i j, ,, k')).toEqual([
      { name: "a", value: "" },
      { name: "b", value: "c" },
      { name: "e", value: 'f " , g' },
      { name: "k", value: "" },
    ]);
  });

  it("takes no time for a hostile header", () => {
    const startedMs = performance.now();
    for (const header of [
      '"'.repeat(16_000),
      `a${" ".repeat(16_000)}b`,
      "a=".repeat(8_000),
      `a;${'"\\'.repeat(8_000)}`,
    ]) {
      parsePrefer(header);
    }
    expect(performance.now() - startedMs).toBeLessThan(200);
  });
});
