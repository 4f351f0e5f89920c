import { expect, test } from "vitest";
import { fuzz } from "../src/index.ts";

test("three seconds of random input do no harm", { timeout: 60_000 }, async () => {
  const report = await fuzz({ seconds: 3, seed: 20_261_121 });
  expect(report.violations).toBe(0);
  expect(report.http).toBeGreaterThan(100);
  expect(report.records).toBeGreaterThan(100);
});
