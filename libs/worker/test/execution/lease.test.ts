import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Lease } from "../../src/execution/lease.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance", "Date"] }));
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;

test("C2: valid for leaseMs from the beginning of the commit, not from its end", () => {
  const lease = new Lease(1_500);
  expect(lease.valid).toBe(false);
  const begunMs = performance.now();
  vi.advanceTimersByTime(1_000); // the commit takes that long
  lease.renewed(begunMs);
  expect(lease.valid).toBe(true);
  vi.advanceTimersByTime(499);
  expect(lease.valid).toBe(true);
  vi.advanceTimersByTime(1);
  expect(lease.valid).toBe(false);
});

test("a commit that took longer than the lease renews nothing", () => {
  const lease = new Lease(1_500);
  const begunMs = performance.now();
  vi.advanceTimersByTime(1_500);
  lease.renewed(begunMs);
  expect(lease.valid).toBe(false);
});

test("an older renewal that is confirmed later takes nothing away", () => {
  const lease = new Lease(1_500);
  const older = performance.now();
  vi.advanceTimersByTime(1_000);
  lease.renewed(performance.now());
  lease.renewed(older);
  vi.advanceTimersByTime(1_499);
  expect(lease.valid).toBe(true);
});

test.each([3_600_000, -3_600_000])("the time of day does not matter (%i ms)", (jumpMs) => {
  const lease = new Lease(1_500);
  lease.renewed(performance.now());
  vi.setSystemTime(Date.now() + jumpMs);
  expect(lease.valid).toBe(true);
  vi.advanceTimersByTime(1_500);
  vi.setSystemTime(Date.now() - jumpMs);
  expect(lease.valid).toBe(false);
});

test("who waits goes on with the renewal, all of them", async () => {
  const lease = new Lease(1_500);
  const waiting = [lease.held(never), lease.held(never)];
  lease.renewed(performance.now());
  await Promise.all(waiting);
  await lease.held(never); // at once
});

test("who waits is rejected with the reason of the signal, and nothing is left of it", async () => {
  const lease = new Lease(1_500);
  const lost = new AbortController();
  const waiting = lease.held(lost.signal);
  lost.abort(new Error("lost"));
  await expect(waiting).rejects.toThrow("lost");
  await expect(lease.held(lost.signal)).rejects.toThrow("lost");
});
