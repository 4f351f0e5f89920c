import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Gate } from "../src/api/gate.ts";
import type { Probe } from "../src/api/pod.ts";
import { BackOff } from "../src/kubelet/back-off.ts";
import { judged, UNPROBED } from "../src/kubelet/probes/probe-state.ts";
import { probe } from "../src/kubelet/probes/prober.ts";

/** The verdict after each of these answers. */
function verdicts(answers: string, success: number, failure: number): string[] {
  let state = UNPROBED;
  return [...answers].map((answer) => {
    state = judged(state, answer === "+", { success, failure });
    return state.verdict;
  });
}

describe("a probe's verdict", () => {
  const [U, S, F] = ["unknown", "success", "failure"];

  it.each([
    ["+", 1, 3, [S]],
    ["--+", 1, 3, [U, U, S]],
    ["---", 1, 3, [U, U, F]],
    ["+--+---", 1, 3, [S, S, S, S, S, S, F]],
    ["-+-", 2, 2, [U, U, U]],
    ["--+-++", 2, 2, [U, F, F, F, F, S]],
    ["+-+-", 1, 1, [S, F, S, F]],
  ])("of %s by %i successes and %i failures", (answers, success, failure, expected) => {
    expect(verdicts(answers, success, failure)).toEqual(expected);
  });
});

describe("a prober", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function start(of: Probe, answers: boolean[], eager = false) {
    const [looks, said, gate, life] = [[] as number[], [] as string[], new Gate(), new AbortController()];
    onTestFinished(() => life.abort());
    const begun = Date.now();
    const done = probe({
      ...{ probe: of, gate, eager, signal: life.signal },
      look: async () => {
        looks.push(Date.now() - begun);
        return answers.shift() ?? false;
      },
      verdict: (verdict) => said.push(`${verdict} ${Date.now() - begun}`),
    });
    return { looks, said, gate, life, done };
  }

  it("waits initialDelaySeconds and looks every periodSeconds", async () => {
    const { looks, said } = start({ initialDelaySeconds: 2, periodSeconds: 5 }, [true, false, false, false]);
    await vi.advanceTimersByTimeAsync(17_500);
    expect(looks).toEqual([2_000, 7_000, 12_000, 17_000]);
    expect(said).toEqual(["success 2000", "failure 17000"]);
  });

  it("that is eager looks in between until the first success, whose failures do not count", async () => {
    const answers = [false, false, false, false, false, true, false];
    const { looks, said } = start({ periodSeconds: 10, failureThreshold: 2 }, answers, true);
    await vi.advanceTimersByTimeAsync(10_500);
    expect(looks).toEqual([0, 200, 400, 600, 800, 1_000, 10_000]);
    expect(said).toEqual(["success 1000"]);
  });

  it("says nothing while its machine is frozen, and ends with its process", async () => {
    const { looks, gate, life, done } = start({ periodSeconds: 1 }, []);
    await vi.advanceTimersByTimeAsync(500);
    gate.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(looks).toEqual([0]);
    gate.open();
    await vi.advanceTimersByTimeAsync(0);
    expect(looks).toHaveLength(2);
    life.abort();
    await done;
  });
});

describe("the back-off", () => {
  it("doubles from 200 ms to 5 s, and begins anew for who has run for 10 s", () => {
    const backOff = new BackOff();
    const waits = [0, 0, 0, 0, 0, 0, 9_999, 10_000, 0].map((ranMs) => backOff.after(ranMs));
    expect(waits).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000, 200, 400]);
  });
});
