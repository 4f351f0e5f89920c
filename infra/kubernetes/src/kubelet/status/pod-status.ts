import type { Condition, Phase, Pod, PodStatus } from "../../api/pod.ts";
import { type ContainerView, containerStatus, timeOf } from "../container-state.ts";

/** Why a pod has failed as a whole, e.g. DeadlineExceeded. */
export interface PodFault {
  readonly reason: string;
  readonly message: string;
}

export interface PodFacts {
  readonly pod: Pod;
  readonly containers: readonly ContainerView[];
  /** True when none of them is started again. */
  readonly over: boolean;
  readonly fault: PodFault | undefined;
  readonly podIP: string | undefined;
  readonly hostIP: string;
  readonly startedAt: number;
}

/** What the kubelet says of a pod; the conditions of others are left out. */
export function podStatus(facts: PodFacts, now: number): PodStatus {
  const { containers, podIP, hostIP, fault, startedAt } = facts;
  const inits = containers.filter(({ role }) => role !== "main");
  return {
    phase: phaseOf(facts),
    ...(fault ?? {}),
    startTime: timeOf(startedAt),
    ...{ hostIP, hostIPs: [{ ip: hostIP }] },
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    conditions: conditionsOf(facts, timeOf(now)),
    ...(inits.length === 0 ? {} : { initContainerStatuses: inits.map(containerStatus) }),
    containerStatuses: containers.filter(({ role }) => role === "main").map(containerStatus),
  };
}

function phaseOf({ containers, over, fault }: Pick<PodFacts, "containers" | "over" | "fault">): Phase {
  const main = containers.filter(({ role }) => role === "main");
  if (over) {
    const done = main.every(({ state }) => state.kind === "terminated" && state.exit.code === 0);
    return done && fault === undefined ? "Succeeded" : "Failed";
  }
  const begun = main.some(({ state, last }) => state.kind !== "waiting" || last !== undefined);
  return begun && isInitialized(containers) ? "Running" : "Pending";
}

function isInitialized(containers: readonly ContainerView[]): boolean {
  return containers.every(
    ({ role, state, started }) =>
      role === "main" ||
      (role === "sidecar" ? started : state.kind === "terminated" && state.exit.code === 0) ||
      // Once the main ones have begun, a sidecar that starts again does not take that back.
      (role === "sidecar" && containers.some((each) => each.role === "main" && each.id !== undefined)),
  );
}

function conditionsOf(facts: PodFacts, now: string): Condition[] {
  const { pod, containers, over } = facts;
  const succeeded = phaseOf(facts) === "Succeeded";
  const unready = containers.filter(({ role, ready }) => role !== "init" && !ready).map(({ name }) => name);
  const containersReady = !over && unready.length === 0;
  const gates = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) =>
      pod.status?.conditions?.find(({ type }) => type === conditionType)?.status !== "True",
  );
  const notReady = succeeded
    ? { reason: "PodCompleted", message: null }
    : over
      ? { reason: "PodFailed", message: null }
      : { reason: "ContainersNotReady", message: `containers with unready status: [${unready.join(" ")}]` };
  const gated = { reason: "ReadinessGatesNotReady", message: "a readiness gate is not True" };
  const condition = (
    type: string,
    isTrue: boolean,
    why: Pick<Condition, "reason" | "message">,
  ): Condition => ({
    ...{ type, status: isTrue ? "True" : "False", lastTransitionTime: now },
    // null removes what was said before.
    ...(isTrue ? { reason: null, message: null } : why),
  });
  const initializing = { reason: "ContainersNotInitialized", message: null };
  return [
    condition("PodReadyToStartContainers", facts.podIP !== undefined && !over, notReady),
    condition("Initialized", isInitialized(containers) || succeeded, initializing),
    condition("ContainersReady", containersReady, notReady),
    condition("Ready", containersReady && gates.length === 0, containersReady ? gated : notReady),
  ];
}

/** The status with the times at which its conditions last changed, as far as the one before tells. */
export function since(status: PodStatus, before: PodStatus | undefined): PodStatus {
  const conditions = status.conditions?.map((condition) => {
    const same = before?.conditions?.find(
      ({ type, status }) => type === condition.type && status === condition.status,
    );
    const { lastTransitionTime = condition.lastTransitionTime } = same ?? {};
    return lastTransitionTime === undefined ? condition : { ...condition, lastTransitionTime };
  });
  return conditions === undefined ? status : { ...status, conditions };
}
