import { expect, test } from "vitest";
import { POD_FAULTS, type PodFaultKind } from "../src/kubernetes/pod-fault.ts";
import { podScheduleOf } from "../src/kubernetes/pod-schedule.ts";

function first(count: number, seed: number, kinds: readonly PodFaultKind[] = POD_FAULTS) {
  const schedule = podScheduleOf({ seed, kinds, scales: [5, 2, 3] });
  return Array.from({ length: count }, () => schedule.next().value);
}

test("the same seed gives the same faults, another one others", () => {
  expect(first(40, 7)).toEqual(first(40, 7));
  expect(first(40, 7)).not.toEqual(first(40, 8));
});

test("every kind comes before any comes again more often than it is meant to", () => {
  const kinds = first(8, 3).map((fault) => fault?.kind);
  expect(new Set(kinds)).toEqual(new Set(POD_FAULTS));
});

test("a scaling goes through the replicas that were given, over and over", () => {
  const replicas = first(5, 1, ["scale"]).map((fault) => fault?.kind === "scale" && fault.replicas);
  expect(replicas).toEqual([5, 2, 3, 5, 2]);
});

test("without kinds there is no fault", () => {
  expect(first(1, 1, [])).toEqual([undefined]);
});
