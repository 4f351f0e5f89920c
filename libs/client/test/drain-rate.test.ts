import { describe, expect, it } from "vitest";
import { DrainRate } from "../src/drain-rate.ts";

/** A lane by hand, with a clock of its own. */
function lane() {
  let nowMs = 1_000;
  const drain = new DrainRate(() => nowMs);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  /** So many come at once and are answered one after the other. */
  function answer(count: number, eachMs: number): void {
    for (let i = 0; i < count; i++) drain.begin();
    for (let i = 0; i < count; i++) {
      pass(eachMs);
      drain.end("answered");
    }
  }
  function begin(count: number): void {
    for (let i = 0; i < count; i++) drain.begin();
  }
  return { drain, pass, answer, begin };
}

describe("C7: when to come back, by how fast a lane answers", () => {
  it("is a second while nothing is known", () => {
    const { drain, begin, pass } = lane();
    expect(drain.seconds).toBe(1);
    begin(1_000);
    expect(drain.seconds).toBe(1);
    pass(5_000);
    expect(drain.seconds).toBe(1);
  });

  it("is how long the lane takes for what waits now, rounded up", () => {
    const { drain, answer, begin } = lane();
    answer(1_000, 10);
    begin(250);
    expect(drain.seconds).toBe(3);
    begin(750);
    expect(drain.seconds).toBe(10);
  });

  it("is at least a second and at most a minute", () => {
    const { drain, answer, begin } = lane();
    answer(1_000, 10);
    expect(drain.seconds).toBe(1);
    begin(100_000);
    expect(drain.seconds).toBe(60);
  });

  it("does not count the time in which nothing waits", () => {
    const { drain, answer, begin, pass } = lane();
    for (let i = 0; i < 100; i++) {
      answer(1, 10);
      pass(60_000);
    }
    begin(500);
    expect(drain.seconds).toBe(5);
  });

  it("grows while a lane that was fast stands still", () => {
    const { drain, answer, begin, pass } = lane();
    answer(1_000, 10);
    begin(100);
    expect(drain.seconds).toBe(1);
    pass(30_000);
    expect(drain.seconds).toBeGreaterThan(20);
    pass(60_000);
    expect(drain.seconds).toBe(60);
  });

  it("follows a lane that becomes faster", () => {
    const { drain, answer, begin } = lane();
    answer(60, 1_000);
    answer(5_000, 10);
    begin(500);
    expect(drain.seconds).toBeLessThanOrEqual(6);
  });

  it("does not take a request that was given up for one that was answered", () => {
    const { drain, begin, pass } = lane();
    begin(101);
    pass(1_000);
    drain.end("answered");
    for (let i = 0; i < 90; i++) drain.end("given up");
    expect(drain.seconds).toBe(10);
  });
});
