import { describe, expect, it } from "vitest";
import { idempotencyKeyOf } from "../src/idempotency-key.ts";

describe("idempotencyKeyOf", () => {
  const longest = "k".repeat(255);
  it.each([
    ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ["8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ['"a b \\"c\\" \\\\"', 'a b "c" \\'],
    [' "padded" ', "padded"],
    ['"with"; parameter=1', "with"],
    ["42", "42"],
    ["orders/7:pay", "orders/7:pay"],
    [`"${longest}"`, longest],
    [longest, longest],
  ])("reads %j", (header, key) => {
    expect(idempotencyKeyOf({ "idempotency-key": header })).toBe(key);
  });

  it.each([
    "",
    '""',
    '"open',
    '"a", "b"',
    "a, b",
    "a b",
    '"\u00e4"',
    "ä",
    "?1;",
    '"a" b',
    `"${"k".repeat(256)}"`,
    "k".repeat(256),
  ])("refuses %j", (header) => {
    expect(() => idempotencyKeyOf({ "idempotency-key": header })).toThrow(/Idempotency-Key/);
  });
});
