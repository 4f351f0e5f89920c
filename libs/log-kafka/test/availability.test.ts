import { setImmediate as immediate } from "node:timers/promises";
import { pino } from "pino";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Availability } from "../src/availability.ts";

// setImmediate stays real where a test is about the turn of the event loop itself.
beforeEach(
  () => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] }),
);
afterEach(() => void vi.useRealTimers());

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly reason?: string;
}

function watched() {
  const lines: Line[] = [];
  const changes: boolean[] = [];
  /** Questions that wait for their answer. */
  const open: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  const probe = vi.fn(() => new Promise<void>((resolve, reject) => open.push({ resolve, reject })));
  const availability = new Availability({
    probe,
    unavailableAfterMs: 3_000,
    logger: pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    onChange: (available) => {
      expect(availability.available).toBe(available);
      changes.push(available);
    },
  });
  onTestFinished(() => availability.close());
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  return {
    availability,
    probe,
    lines,
    changes,
    pass,
    async answer() {
      open.shift()?.resolve();
      await pass(0);
    },
    async fail(reason: string) {
      open.shift()?.reject(new Error(reason));
      await pass(0);
    },
  };
}

test("the log counts as there until it is found away, and is asked once a second", async () => {
  const { availability, probe, pass, answer, changes, lines } = watched();
  expect(availability.available).toBe(true);
  for (let second = 1; second <= 5; second++) {
    await pass(1_000);
    expect(probe).toHaveBeenCalledTimes(second);
    await answer();
  }
  expect(availability.available).toBe(true);
  expect(changes).toEqual([]);
  expect(lines).toEqual([]);
});

test("silence counts as away after its time, not before, and the answer brings the log back", async () => {
  const { availability, pass, answer, changes } = watched();
  await pass(1_000 + 2_999);
  expect(availability.available).toBe(true);
  await pass(2);
  expect(availability.available).toBe(false);
  expect(availability.failure).toEqual(new Error("no answer for 3000 ms"));
  await answer();
  expect(availability.available).toBe(true);
  expect(changes).toEqual([false, true]);
});

test("an error counts as away at once, and is the reason told", async () => {
  const { availability, pass, fail } = watched();
  await pass(1_000);
  await fail("connection refused");
  expect(availability.available).toBe(false);
  expect(availability.failure).toEqual(new Error("connection refused"));
});

test("one line when it goes and one when it is back, however often it fails meanwhile", async () => {
  const { pass, answer, fail, lines, changes } = watched();
  await pass(1_000);
  for (let i = 0; i < 10; i++) {
    await fail(`failure ${i}`);
    await pass(1_500);
  }
  await answer();
  expect(lines).toMatchObject([
    { level: 50, msg: "the log is away; calls fail until it answers again", reason: "failure 0" },
    { level: 30, msg: "the log answers again" },
  ]);
  expect(changes).toEqual([false, true]);
});

test("the newest failure is the reason, so that a refusal shows once the log can be reached", async () => {
  const { availability, pass, fail } = watched();
  await pass(1_000);
  await fail("connection refused");
  await pass(1_500);
  await fail("wrong password");
  expect(availability.failure).toEqual(new Error("wrong password"));
});

test("a suspicion asks at once, but only one question is open at a time", async () => {
  const { availability, probe, pass, answer, changes } = watched();
  availability.suspect();
  availability.suspect();
  expect(probe).toHaveBeenCalledTimes(1);
  await pass(2_000);
  expect(probe).toHaveBeenCalledTimes(1);
  await answer();
  expect(changes).toEqual([]);
  await pass(1_000);
  expect(probe).toHaveBeenCalledTimes(2);
});

test("a suspicion while it is away asks no sooner", async () => {
  const { availability, probe, pass, fail } = watched();
  await pass(1_000);
  await fail("gone");
  availability.suspect();
  expect(probe).toHaveBeenCalledTimes(1);
});

test("while it is away it is asked at intervals that differ between processes", async () => {
  const { probe, pass, fail } = watched();
  await pass(1_000);
  vi.spyOn(Math, "random").mockReturnValueOnce(0).mockReturnValueOnce(0.999);
  onTestFinished(() => void vi.restoreAllMocks());
  await fail("gone");
  await pass(500);
  expect(probe).toHaveBeenCalledTimes(2);
  await fail("gone");
  await pass(1_498);
  expect(probe).toHaveBeenCalledTimes(2);
  await pass(2);
  expect(probe).toHaveBeenCalledTimes(3);
});

test("an event loop that stalled reads the answer it already has before it calls the log silent", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { availability, pass, answer, changes } = watched();
  await pass(1_000);
  vi.advanceTimersByTime(10_000); // the deadline's timer is the first to run after the stall
  await answer(); // and the socket is read right after
  await immediate();
  expect(availability.available).toBe(true);
  expect(changes).toEqual([]);
});

test("nothing happens after close: no question, no line, no change", async () => {
  const { availability, probe, pass, fail, changes, lines } = watched();
  await pass(1_000);
  availability.close();
  await fail("the connections were closed");
  await pass(60_000);
  availability.suspect();
  expect(probe).toHaveBeenCalledTimes(1);
  expect(changes).toEqual([]);
  expect(lines).toEqual([]);
  expect(availability.available).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});
