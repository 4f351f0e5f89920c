import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Deadline } from "../../../src/proxy/reads/deadline.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start() {
  const due = vi.fn();
  return { due, deadline: new Deadline(due) };
}

describe("a deadline", () => {
  it("is due in time, and once", () => {
    const { due, deadline } = start();
    deadline.set(1_000);
    vi.advanceTimersByTime(999);
    expect(due).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(1);
    expect(due).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(10_000);
    expect([due.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it("counts from the time that it is given", () => {
    const { due, deadline } = start();
    vi.advanceTimersByTime(1_000);
    deadline.set(1_000, performance.now() - 400);
    vi.advanceTimersByTime(1_000);
    expect(due).toHaveBeenCalledTimes(1);
  });

  it("is moved later without another timer", () => {
    const { due, deadline } = start();
    deadline.set(1_000);
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    for (let i = 0; i < 9; i++) {
      vi.advanceTimersByTime(100);
      deadline.set(1_000);
    }
    expect([setTimer.mock.calls.length, vi.getTimerCount()]).toEqual([0, 1]);
    // The first looks again, and finds that it is too early.
    vi.advanceTimersByTime(999);
    expect([due.mock.calls.length, setTimer.mock.calls.length]).toEqual([0, 1]);
    vi.advanceTimersByTime(1);
    expect(due).toHaveBeenCalledTimes(1);
    setTimer.mockRestore();
  });

  it("is moved earlier", () => {
    const { due, deadline } = start();
    deadline.set(10_000);
    deadline.set(100);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(99);
    expect(due).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(1);
    expect(due).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(20_000);
    expect(due).toHaveBeenCalledTimes(1);
  });

  it("is earlier again after it was moved later", () => {
    const { due, deadline } = start();
    deadline.set(1_000);
    deadline.set(5_000);
    vi.advanceTimersByTime(1_500);
    deadline.set(500);
    vi.advanceTimersByTime(499);
    expect(due).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(1);
    expect(due).toHaveBeenCalledTimes(1);
  });

  it("that was cleared is not due, and can be set again while its timer still runs", () => {
    const { due, deadline } = start();
    deadline.set(1_000);
    deadline.clear();
    vi.advanceTimersByTime(500);
    deadline.set(1_000);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(999);
    expect(due).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(1);
    expect(due).toHaveBeenCalledTimes(1);
  });

  it("that was cleared leaves no timer behind once that has run", () => {
    const { due, deadline } = start();
    deadline.set(1_000);
    deadline.clear();
    vi.advanceTimersByTime(1_000);
    expect([due.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0]);
    deadline.set(1_000);
    vi.advanceTimersByTime(1_000);
    expect(due).toHaveBeenCalledTimes(1);
  });

  it("that was stopped has no timer, and takes none any more", () => {
    const { due, deadline } = start();
    deadline.set(1_000);
    deadline.stop();
    expect(vi.getTimerCount()).toBe(0);
    deadline.set(10);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(2_000);
    expect(due).toHaveBeenCalledTimes(0);
  });

  it("can be stopped, and set, by what is called when it is due", () => {
    const due = vi.fn(() => (due.mock.calls.length === 1 ? deadline.set(100) : deadline.stop()));
    const deadline = new Deadline(due);
    deadline.set(100);
    vi.advanceTimersByTime(100);
    expect([due.mock.calls.length, vi.getTimerCount()]).toEqual([1, 1]);
    vi.advanceTimersByTime(100);
    expect([due.mock.calls.length, vi.getTimerCount()]).toEqual([2, 0]);
  });

  it.each([0, 0.4, 1_000.5])("of %d ms is due no earlier than that, and 0 is never", (ms) => {
    const { due, deadline } = start();
    deadline.set(ms);
    vi.advanceTimersByTime(Math.floor(ms));
    expect(due).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(10_000);
    expect(due).toHaveBeenCalledTimes(ms === 0 ? 0 : 1);
  });

  it("of 0 takes back the one before", () => {
    const { due, deadline } = start();
    deadline.set(1_000);
    deadline.set(0);
    vi.advanceTimersByTime(10_000);
    expect(due).toHaveBeenCalledTimes(0);
  });

  it("keeps no process alive", () => {
    vi.useRealTimers();
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    const { deadline } = start();
    deadline.set(60_000);
    const timer = setTimer.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    deadline.stop();
    setTimer.mockRestore();
  });
});
