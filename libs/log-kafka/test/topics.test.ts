import { expect, test } from "vitest";
import { normalise } from "../src/topics.ts";

test("a cleanup policy is the same in any order and spacing", () => {
  expect(normalise("delete,compact")).toBe(normalise("compact,delete"));
  expect(normalise("delete, compact ")).toBe(normalise("compact,delete"));
  expect(normalise("delete")).toBe("delete");
  expect(normalise("compact")).not.toBe(normalise("delete"));
  expect(normalise("compact")).not.toBe(normalise("compact,delete"));
});
