import type { Resource } from "./resource.ts";

const REVISION = "controller-revision-hash";

interface RawContainer {
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
}

/** What the API says of a pod, as far as we read it. */
export interface RawPod extends Resource {
  readonly metadata: Resource["metadata"] & {
    readonly uid?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly RawContainer[];
    readonly initContainers?: readonly (RawContainer & { readonly restartPolicy?: string })[];
  };
  readonly status?: {
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** What is kept of a pod. */
export interface Pod {
  readonly pod: string;
  readonly uid: string;
  /** `StatefulSet/accounts`, undefined for a pod that nobody controls. */
  readonly controller: string | undefined;
  readonly node: string | undefined;
  readonly addresses: readonly string[];
  readonly ports: Readonly<Record<string, number>>;
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly revision: string | undefined;
}

export function trimPod({ metadata, spec = {}, status = {} }: RawPod): Pod {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller);
  return {
    pod: metadata.name,
    uid: metadata.uid ?? "",
    controller: controller && `${controller.kind}/${controller.name}`,
    node: spec.nodeName || undefined,
    addresses: addressesOf(status),
    ports: portsOf(spec),
    ready: status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false,
    terminating: metadata.deletionTimestamp !== undefined,
    revision: metadata.labels?.[REVISION],
  };
}

function addressesOf({ podIP, podIPs = [] }: NonNullable<RawPod["status"]>): string[] {
  if (podIPs.length > 0) return podIPs.map(({ ip }) => ip);
  return podIP === undefined || podIP === "" ? [] : [podIP];
}

/** Of everything that runs as long as the pod: a sidecar is an init container that is always started again. */
function portsOf({
  containers = [],
  initContainers = [],
}: NonNullable<RawPod["spec"]>): Record<string, number> {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  const named = [...containers, ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .flatMap(({ name, containerPort }) => (name === undefined ? [] : [[name, containerPort] as const]));
  // Two containers may give the same name: the first one counts.
  return Object.fromEntries(named.reverse());
}
