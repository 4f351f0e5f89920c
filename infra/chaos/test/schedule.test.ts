import { expect, test } from "vitest";
import { FAULTS, type FaultKind } from "../src/fault.ts";
import { scheduleOf } from "../src/schedule.ts";

const kinds = Object.keys(FAULTS) as FaultKind[];
const seeds = Array.from({ length: 50 }, (_, seed) => seed);
const SCALES = [5, 2, 4, 3];
const plan = (seed: number, seconds = 300) =>
  scheduleOf({ seed, seconds, kinds, replicas: 3, scales: SCALES });

test("the same seed gives the same schedule, another one another", () => {
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
});

test("a longer run begins as a shorter one", () => {
  const short = plan(3, 60);
  expect(plan(3, 300).slice(0, short.length)).toEqual(short);
});

test("every kind of fault comes in a run of five minutes", () => {
  for (const seed of seeds) {
    expect(new Set(plan(seed).map(({ kind }) => kind))).toEqual(new Set(kinds));
  }
});

test("only what was asked for comes", () => {
  const asked: FaultKind[] = ["kill-worker", "scale"];
  const planned = scheduleOf({ seed: 1, seconds: 120, kinds: asked, replicas: 3, scales: SCALES });
  expect(new Set(planned.map(({ kind }) => kind))).toEqual(new Set(asked));
  expect(scheduleOf({ seed: 1, seconds: 120, kinds: [], replicas: 3, scales: SCALES })).toEqual([]);
});

test("faults come in the order of time, within the run, and hit members that there are", () => {
  for (const seed of seeds) {
    let [lastMs, replicas] = [0, 3];
    for (const fault of plan(seed, 120)) {
      expect(fault.atMs).toBeGreaterThan(lastMs);
      expect(fault.atMs).toBeLessThan(120_000);
      if ("member" in fault) expect(fault.member).toBeLessThan(replicas);
      lastMs = fault.atMs;
      if (fault.kind === "scale") replicas = fault.replicas;
    }
  }
});

test("replicas go 5, 2, 4, 3 and round again", () => {
  const scales = plan(1, 600).flatMap((fault) => (fault.kind === "scale" ? [fault.replicas] : []));
  expect(scales.slice(0, 5)).toEqual([...SCALES, SCALES[0]]);
});

test("one worker at least has no fault of its own at any time", () => {
  for (const seed of seeds) {
    const planned = plan(seed);
    let replicas = 3;
    for (const { atMs, ...fault } of planned) {
      if (fault.kind === "scale") replicas = fault.replicas;
      const hit = planned.filter(
        (other) =>
          "member" in other &&
          other.atMs <= atMs &&
          atMs < other.atMs + ("forMs" in other ? other.forMs : "downMs" in other ? other.downMs : 0),
      );
      const members = new Set(hit.flatMap((other) => ("member" in other ? [other.member] : [])));
      expect([...members].filter((member) => member < replicas).length).toBeLessThan(replicas);
    }
  }
});
