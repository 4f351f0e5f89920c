import type { ContainerStatus, StatusState } from "../api/pod.ts";
import type { Exit } from "./process-group.ts";

export type ContainerState =
  | { readonly kind: "waiting"; readonly reason: string; readonly message?: string }
  | { readonly kind: "running"; readonly startedAt: number }
  | Terminated;

export interface Terminated {
  readonly kind: "terminated";
  readonly exit: Exit;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** `init` runs to its end before the next, `sidecar` is an init container that stays, `main` is all others. */
export type Role = "init" | "sidecar" | "main";

/** A container as the pod's status is made of it. */
export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly role: Role;
  readonly state: ContainerState;
  readonly last: Terminated | undefined;
  readonly id: string | undefined;
  readonly restartCount: number;
  readonly started: boolean;
  readonly ready: boolean;
}

export function containerStatus(view: ContainerView): ContainerStatus {
  const { name, image, role, state, last, id, restartCount, started, ready } = view;
  const done = role === "init" && state.kind === "terminated" && state.exit.code === 0;
  return {
    ...{ name, image, imageID: image, restartCount, started, ready: ready || done },
    ...(id === undefined ? {} : { containerID: id }),
    state: statusState(state),
    lastState: last === undefined ? {} : statusState(last),
  };
}

function statusState(state: ContainerState): StatusState {
  switch (state.kind) {
    case "waiting": {
      const { reason, message } = state;
      return { waiting: { reason, ...(message === undefined ? {} : { message }) } };
    }
    case "running":
      return { running: { startedAt: timeOf(state.startedAt) } };
    case "terminated": {
      const { exit, reason, message, startedAt, finishedAt } = state;
      const terminated = {
        ...{ exitCode: exit.code, reason },
        ...(exit.signal === undefined ? {} : { signal: exit.signal }),
        ...(message === undefined ? {} : { message }),
        ...{ startedAt: timeOf(startedAt), finishedAt: timeOf(finishedAt) },
      };
      return { terminated };
    }
  }
}

/** As the API writes times: whole seconds. */
export function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Whether a container that ended so is started again. */
export function startsAgain(role: Role, policy: "Always" | "OnFailure" | "Never", exit: Exit): boolean {
  if (role === "sidecar") return true;
  if (policy === "Always" && role === "main") return true;
  return policy !== "Never" && exit.code !== 0;
}
