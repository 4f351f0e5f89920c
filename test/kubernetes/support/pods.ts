import type { KubernetesObject } from "./chart.ts";

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy?: string;
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly lifecycle?: {
    readonly preStop: {
      readonly sleep?: { readonly seconds: number };
      readonly httpGet?: { readonly path: string; readonly port: number };
    };
  };
  readonly resources: { readonly limits: Readonly<Record<string, string>> };
  readonly securityContext: object;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
  };
}

/** What makes pods, as they come of it. */
export interface PodTemplate {
  /** `Deployment`, `StatefulSet`, `Job` or `CronJob`. */
  readonly kind: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: rendered objects have no types of ours
  readonly spec: any;
  /** Init containers as well. */
  readonly containers: readonly Container[];
}

/** All that makes pods. */
export function podTemplates(objects: readonly KubernetesObject[]): readonly PodTemplate[] {
  return objects.flatMap(({ kind, metadata: { name }, spec }) => {
    const template = kind === "CronJob" ? spec.jobTemplate.spec.template : spec?.template;
    if (template === undefined) return [];
    const containers = [...(template.spec.initContainers ?? []), ...template.spec.containers];
    return [{ kind, name, labels: template.metadata.labels, spec: template.spec, containers }];
  });
}

const POD: Readonly<Record<string, string>> = {
  "metadata.name": "shardcast-accounts-7",
  "metadata.uid": "0f7fbb0e-7e0b-4f57-a1d8-6d1b8a6a0001",
  "status.podIP": "10.1.2.3",
};

/** A container's variables as a kubelet makes them: from the pod and from secrets, with $(OTHER) put in, in their order. */
export function environmentOf({ env = [] }: Container): Readonly<Record<string, string>> {
  const made: Record<string, string> = {};
  for (const { name, value = "", valueFrom } of env) {
    const path = valueFrom?.fieldRef?.fieldPath;
    if (path !== undefined) made[name] = POD[path] ?? path;
    else if (valueFrom?.secretKeyRef !== undefined) made[name] = "of the secret";
    else made[name] = value.replace(/\$\(([A-Za-z_]\w*)\)/g, (text, other: string) => made[other] ?? text);
  }
  return made;
}
