import type { LogRecord } from "@shardcast/log";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AdmittedRequest } from "../../src/execution/admitted-request.ts";
import { Delays } from "../../src/execution/delays.ts";

const DAY_MS = 24 * 3_600_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

function delaysOf() {
  const due: number[] = [];
  const delays = new Delays(({ offset }) => void due.push(offset));
  const hold = (offset: number, inMs: number) => {
    const record: LogRecord = {
      ...{ topic: "t", partition: 0, offset, timestampMs: 0 },
      ...{ key: null, value: null, headers: {} },
    };
    const request = new AdmittedRequest(record, "k");
    delays.hold(request, Date.now() + inMs);
    return request;
  };
  return { delays, due, hold };
}

test("each is due in its own time, once, and then is held no longer", () => {
  const { delays, due, hold } = delaysOf();
  const late = hold(1, 200);
  hold(2, 100);
  vi.advanceTimersByTime(99);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(due).toEqual([2]);
  expect(late.state.kind).toBe("delayed");
  vi.advanceTimersByTime(1_000);
  expect(due).toEqual([2, 1]);
  expect(late.state.kind).toBe("queued");
  expect(delays.size).toBe(0);
});

test("it goes by the time of day, also when that is put back, and for longer than a timer can wait", () => {
  const { due, hold } = delaysOf();
  hold(1, 100);
  vi.setSystemTime(Date.now() - 50);
  vi.advanceTimersByTime(149);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(due).toEqual([1]);
  hold(2, 60 * DAY_MS);
  vi.advanceTimersByTime(59 * DAY_MS);
  expect(due).toEqual([1]);
  vi.advanceTimersByTime(DAY_MS);
  expect(due).toEqual([1, 2]);
});

test("what is released, or cleared, is not due any more", () => {
  const { delays, due, hold } = delaysOf();
  delays.release(hold(1, 100));
  hold(2, 100);
  expect(delays.has(1)).toBe(false);
  delays.clear();
  expect(delays.size).toBe(0);
  vi.advanceTimersByTime(1_000);
  expect(due).toEqual([]);
});

test("those that lie far back, and those that have longest to wait, can be told", () => {
  const { delays, hold } = delaysOf();
  hold(1, 100);
  hold(2, 300);
  hold(3, 200);
  const offsets = (requests: readonly AdmittedRequest[]) => requests.map(({ offset }) => offset);
  expect(offsets(delays.before(3, 0))).toEqual([1, 2]);
  expect(offsets(delays.before(9, 150))).toEqual([2, 3]);
  expect(offsets(delays.laterHalf())).toEqual([2, 3]);
});
