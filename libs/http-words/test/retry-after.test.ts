import { expect, test } from "vitest";
import { retryAfterMs } from "../src/retry-after.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");

test.each([
  [undefined, 0],
  ["", 0],
  ["soon", 0],
  ["-5", 0],
  ["0", 0],
  ["7", 7_000],
  ["Thu, 01 Jan 2026 00:01:30 GMT", 90_000],
  ["Wed, 31 Dec 2025 23:59:00 GMT", 0],
])("a Retry-After of %j asks for %d ms", (value, ms) => {
  expect(retryAfterMs(value, NOW)).toBe(ms);
});
