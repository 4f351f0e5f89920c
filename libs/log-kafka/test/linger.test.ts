import { expect, test } from "vitest";
import { AdaptiveLinger } from "../src/linger.ts";

/** Arrivals at these gaps, from time 0. */
function after(...gaps: number[]): number {
  const linger = new AdaptiveLinger();
  let now = 0;
  linger.arrived(now);
  for (const gap of gaps) {
    now += gap;
    linger.arrived(now);
  }
  return linger.lingerMs();
}

test("nobody waits before the first record and after a lone one", () => {
  expect(new AdaptiveLinger().lingerMs()).toBe(0);
  expect(after()).toBe(0);
});

test("a caller that sends one after another waits for nobody", () => {
  expect(after(3, 3, 3, 3)).toBe(0);
  expect(after(0.6, 0.6, 0.6)).toBe(0);
});

test("many callers at once wait a millisecond for company", () => {
  expect(after(0.1, 0.1, 0.1)).toBe(1);
  expect(after(0, 0, 0)).toBe(1);
});

test("the wait follows the rate both ways", () => {
  const burst = Array<number>(20).fill(0.1);
  const lone = Array<number>(20).fill(5);
  expect(after(...lone, ...burst)).toBe(1);
  expect(after(...burst, ...lone)).toBe(0);
});

test("a pause ends a burst at once", () => {
  expect(after(0.1, 0.1, 0.1, 25)).toBe(0);
});
