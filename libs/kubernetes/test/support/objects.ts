/** Objects as the API sends them, with much that nobody reads. */

export function statefulSetObject(version: number, spec: object = {}): object {
  const selector = { matchLabels: { app: "accounts" } };
  return {
    metadata: { name: "accounts", resourceVersion: String(version), uid: "set", managedFields: [{}] },
    spec: { replicas: 3, serviceName: "accounts", selector, ...spec },
    status: { replicas: 1 },
  };
}

export interface PodObject {
  readonly uid?: string;
  readonly ready?: boolean;
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}

export function podObject(name: string, version: number, pod: PodObject = {}): object {
  const { uid = `uid-of-${name}`, ready = true } = pod;
  return {
    metadata: {
      ...{ name, uid, resourceVersion: String(version), managedFields: [{ manager: "kubelet" }] },
      annotations: { note: "x".repeat(1_000) },
      labels: { app: "accounts", "controller-revision-hash": "accounts-abc" },
      ownerReferences: [
        { kind: "Other", name: "thing", uid: "o" },
        { kind: "StatefulSet", name: "accounts", uid: "set", controller: true },
      ],
      ...pod.metadata,
    },
    spec: {
      nodeName: "node-1",
      containers: [
        { name: "app", ports: [{ name: "http", containerPort: 3_000 }, { containerPort: 9_999 }] },
        { name: "second", ports: [{ name: "metrics", containerPort: 9_090 }] },
      ],
      ...pod.spec,
    },
    status: {
      podIP: "10.0.0.1",
      podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }],
      conditions: [
        { type: "PodScheduled", status: "True" },
        { type: "Ready", status: ready ? "True" : "False" },
      ],
      ...pod.status,
    },
  };
}

export interface EndpointObject {
  readonly pod: string;
  readonly uid?: string;
  readonly hostname?: string | undefined;
  readonly ready?: boolean | undefined;
}

export function sliceObject(name: string, version: number, ...endpoints: readonly EndpointObject[]): object {
  return {
    metadata: { name, resourceVersion: String(version) },
    // What a Service without pods has instead of an empty list.
    endpoints: endpoints.length === 0 ? null : endpoints.map(endpointObject),
  };
}

function endpointObject(endpoint: EndpointObject): object {
  const { pod, uid = `uid-of-${pod}` } = endpoint;
  return {
    addresses: ["10.0.0.1"],
    hostname: "hostname" in endpoint ? endpoint.hostname : pod,
    targetRef: { kind: "Pod", name: pod, uid },
    conditions: { ready: "ready" in endpoint ? endpoint.ready : true, serving: true },
  };
}
