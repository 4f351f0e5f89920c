import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { MUTATIONS, mutated } from "../src/mutations.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

describe("a mutation", () => {
  const change = { file: "a.ts", find: "is $valid", replace: "is $& not" };

  test("replaces its text as it is", () => {
    expect(mutated("it is $valid.", change)).toBe("it is $& not.");
  });

  test.each(["nothing", "is $valid is $valid"])("fails loudly for sources that have changed: %s", (text) => {
    expect(() => mutated(text, change)).toThrow(/a\.ts has [02] times/);
  });

  test.each(MUTATIONS)("$name fits the sources", async ({ changes }) => {
    for (const each of changes) {
      const text = await readFile(`${root}/${each.file}`, "utf8");
      expect(mutated(text, each)).not.toBe(text);
    }
  });
});
