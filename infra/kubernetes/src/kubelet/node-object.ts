import { timeOf } from "./container-state.ts";

export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  /** e.g. `10.231.1.0/24` */
  readonly podCidr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
}

export function nodeObject(facts: NodeFacts): object {
  const { name, address, podCidr, labels, allocatable } = facts;
  const own = {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": process.arch === "x64" ? "amd64" : process.arch,
  };
  return {
    ...{ apiVersion: "v1", kind: "Node", metadata: { name, labels: { ...own, ...labels } } },
    spec: { podCIDR: podCidr, podCIDRs: [podCidr] },
    status: {
      ...{ capacity: allocatable, allocatable },
      addresses: [
        { type: "InternalIP", address },
        { type: "Hostname", address: name },
      ],
      nodeInfo: {
        ...{ operatingSystem: "linux", architecture: own["kubernetes.io/arch"], osImage: "processes" },
        ...{ kubeletVersion: "v1.36.0", kubeProxyVersion: "v1.36.0", containerRuntimeVersion: "process://1" },
        ...{ machineID: name, systemUUID: name, bootID: `${name}-${Date.now()}`, kernelVersion: "" },
      },
      ...nodeConditions(true, Date.now()),
    },
  };
}

/** What a node says of itself at each beat. */
export function nodeConditions(isReady: boolean, now: number): object {
  const time = timeOf(now);
  const condition = (type: string, isTrue: boolean, reason: string) => ({
    ...{ type, status: isTrue ? "True" : "False", reason, message: "" },
    ...{ lastHeartbeatTime: time, lastTransitionTime: time },
  });
  return {
    conditions: [
      condition("Ready", isReady, isReady ? "KubeletReady" : "NodeShutdown"),
      condition("MemoryPressure", false, "KubeletHasSufficientMemory"),
      condition("DiskPressure", false, "KubeletHasNoDiskPressure"),
      condition("PIDPressure", false, "KubeletHasSufficientPID"),
    ],
  };
}
