import { describe, expect, it } from "vitest";
import type { Pod } from "../src/api/pod.ts";
import {
  type ContainerState,
  type ContainerView,
  type Role,
  startsAgain,
} from "../src/kubelet/container-state.ts";
import { type PodFacts, podStatus, since } from "../src/kubelet/status/pod-status.ts";

const NOW = Date.parse("2026-01-01T00:00:09.700Z");
const WAITING: ContainerState = { kind: "waiting", reason: "PodInitializing" };
const RUNNING: ContainerState = { kind: "running", startedAt: NOW };

function ended(code: number) {
  return { kind: "terminated", exit: { code }, reason: "Error", startedAt: NOW, finishedAt: NOW } as const;
}

function view(role: Role, state: ContainerState, more: Partial<ContainerView> = {}): ContainerView {
  const base = { name: role, image: "i", role, state, last: undefined, id: "process://1", restartCount: 0 };
  return { ...base, started: state.kind === "running", ready: state.kind === "running", ...more };
}

function statusOf(containers: readonly ContainerView[], more: Partial<PodFacts> = {}) {
  const metadata = { name: "p", uid: "u", resourceVersion: "1" };
  const pod: Pod = { metadata, spec: { containers: [] } };
  const place = { podIP: "10.1.1.2", hostIP: "10.1.1.1", startedAt: NOW };
  const status = podStatus({ pod, containers, over: false, fault: undefined, ...place, ...more }, NOW);
  const isTrue = (type: string) => status.conditions?.find((each) => each.type === type)?.status === "True";
  return { status, phase: status.phase, ready: isTrue("Ready"), initialized: isTrue("Initialized"), isTrue };
}

describe("the phase of a pod", () => {
  const restarting = view("main", WAITING, { last: ended(1) });

  it.each<[string, ContainerView[], boolean, string]>([
    ["before its container has begun", [view("main", WAITING)], false, "Pending"],
    ["while it runs", [view("main", RUNNING)], false, "Running"],
    ["while it waits to be restarted", [restarting], false, "Running"],
    ["when one of two has ended", [view("main", RUNNING), view("main", ended(1))], false, "Running"],
    ["while an init container runs", [view("init", RUNNING), view("main", WAITING)], false, "Pending"],
    [
      "while a sidecar starts",
      [view("sidecar", RUNNING, { started: false }), view("main", WAITING)],
      false,
      "Pending",
    ],
    ["when all ended with 0", [view("main", ended(0)), view("main", ended(0))], true, "Succeeded"],
    ["when one ended with 1", [view("main", ended(0)), view("main", ended(1))], true, "Failed"],
    ["when its init container failed", [view("init", ended(1)), view("main", WAITING)], true, "Failed"],
    [
      "whatever its sidecar ended with",
      [view("sidecar", ended(9)), view("main", ended(0))],
      true,
      "Succeeded",
    ],
    ["deleted before it began", [view("main", WAITING)], true, "Failed"],
  ])("%s", (_, containers, over, phase) => {
    expect(statusOf(containers, { over }).phase).toBe(phase);
  });

  it("is Failed for a reason of the pod's own, whatever its containers ended with", () => {
    const fault = { reason: "DeadlineExceeded", message: "late" };
    const { status } = statusOf([view("main", ended(0))], { over: true, fault });
    expect(status).toMatchObject({ phase: "Failed", ...fault });
  });
});

describe("the conditions of a pod", () => {
  it("are Ready when all its containers and sidecars are", () => {
    const main = view("main", RUNNING);
    expect(statusOf([main]).ready).toBe(true);
    expect(statusOf([main, view("main", RUNNING, { ready: false })]).ready).toBe(false);
    expect(statusOf([view("sidecar", RUNNING, { ready: false }), main]).ready).toBe(false);
    expect(statusOf([view("init", ended(0)), main]).ready).toBe(true);
    expect(statusOf([main], { over: true }).ready).toBe(false);
  });

  it("are not Ready before its readiness gates are True, which others say", () => {
    const metadata = { name: "p", uid: "u", resourceVersion: "1" };
    const spec = { containers: [], readinessGates: [{ conditionType: "example.com/x" }] };
    const status = (said: "True" | "False") => ({ conditions: [{ type: "example.com/x", status: said }] });
    const of = (said: "True" | "False") =>
      statusOf([view("main", RUNNING)], { pod: { metadata, spec, status: status(said) } });
    expect(of("False").ready).toBe(false);
    expect(of("False").isTrue("ContainersReady")).toBe(true);
    expect(of("True").ready).toBe(true);
  });

  it("are Initialized after the init containers, and stay so while a sidecar starts again", () => {
    const main = view("main", RUNNING);
    expect(statusOf([view("init", RUNNING), view("main", WAITING, { id: undefined })]).initialized).toBe(
      false,
    );
    expect(statusOf([view("init", ended(0)), main]).initialized).toBe(true);
    expect(statusOf([view("sidecar", WAITING, { started: false }), main]).initialized).toBe(true);
  });

  it("keep the time at which they last changed", () => {
    const before = statusOf([view("main", RUNNING, { ready: false })]).status;
    const later = statusOf([view("main", RUNNING)]).status;
    const moved =
      later.conditions?.map((each) => ({ ...each, lastTransitionTime: "2026-01-01T00:01:00Z" })) ?? [];
    const times = since({ ...later, conditions: moved }, before).conditions?.map(
      ({ type, lastTransitionTime }) => [type, lastTransitionTime],
    );
    expect(Object.fromEntries(times ?? [])).toMatchObject({
      ...{ Initialized: "2026-01-01T00:00:09Z", Ready: "2026-01-01T00:01:00Z" },
    });
  });
});

describe("a container that has ended", () => {
  it.each<[Role, "Always" | "OnFailure" | "Never", number, boolean]>([
    ["main", "Always", 0, true],
    ["main", "OnFailure", 0, false],
    ["main", "OnFailure", 1, true],
    ["main", "Never", 1, false],
    ["init", "Always", 0, false],
    ["init", "Always", 1, true],
    ["init", "Never", 1, false],
    ["sidecar", "Never", 0, true],
  ])("%s under %s with %i: starts again %s", (role, policy, code, again) => {
    expect(startsAgain(role, policy, { code })).toBe(again);
  });
});
