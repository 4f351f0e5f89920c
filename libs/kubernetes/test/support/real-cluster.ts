import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  AppsV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  loadAllYaml,
  PatchStrategy,
  setHeaderOptions,
  type V1EndpointSlice,
  type V1Pod,
  type V1Role,
} from "@kubernetes/client-node";
import { onTestFinished } from "vitest";

const RBAC = fileURLToPath(new URL("../../../../k8s/rbac-gateway.yaml", import.meta.url));

/** A verb on a resource. */
export interface Right {
  readonly resource: string;
  readonly verb: string;
}

/** The objects of k8s/rbac-gateway.yaml, where one is named without that right. */
export function gatewayRights(without?: Right): KubernetesObject[] {
  const objects: KubernetesObject[] = loadAllYaml(readFileSync(RBAC, "utf8"));
  if (without === undefined) return objects;
  const role = objects.find(({ kind }) => kind === "Role") as V1Role | undefined;
  const rule = role?.rules?.find(({ resources }) => resources?.includes(without.resource));
  if (rule === undefined) throw new Error(`k8s/rbac-gateway.yaml gives no right to ${without.resource}`);
  rule.verbs = rule.verbs.filter((verb) => verb !== without.verb);
  return objects;
}

/** A namespace of one test, on a real API server, as its administrator sees it. */
export class Namespace {
  readonly name = `shardcast-${randomUUID().slice(0, 8)}`;
  readonly #config = new KubeConfig();

  private constructor(kubeconfig: string) {
    this.#config.loadFromFile(kubeconfig);
  }

  /** Deleted after the test. */
  static async create(kubeconfig: string): Promise<Namespace> {
    const namespace = new Namespace(kubeconfig);
    const { name } = namespace;
    const core = namespace.#config.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name } } });
    onTestFinished(async () => {
      await core.deleteNamespace({ name });
    });
    return namespace;
  }

  /** With a container port `http`, 3000. */
  async createStatefulSet(
    name: string,
    replicas: number,
    spec: object = {},
    podSpec: object = {},
  ): Promise<void> {
    const labels = { app: name };
    const ports = [{ name: "http", containerPort: 3_000 }];
    const containers = [{ name: "app", image: "example.invalid/none:1", ports }];
    const template = { metadata: { labels }, spec: { containers, ...podSpec } };
    const body = {
      metadata: { name },
      spec: { serviceName: name, replicas, selector: { matchLabels: labels }, template, ...spec },
    };
    await this.#apps.createNamespacedStatefulSet({ namespace: this.name, body });
  }

  async deleteStatefulSet(name: string, options: { propagationPolicy?: string } = {}): Promise<void> {
    await this.#apps.deleteNamespacedStatefulSet({ namespace: this.name, name, ...options });
  }

  /** The headless Service that gives the pods of the StatefulSet of its name theirs. */
  async createService(name: string, spec: object = {}): Promise<void> {
    const ports = [{ name: "http", port: 3_000 }];
    const body = { metadata: { name }, spec: { clusterIP: "None", selector: { app: name }, ports, ...spec } };
    await this.#core.createNamespacedService({ namespace: this.name, body });
  }

  /** A node without a kubelet, for the duration of the test. What is bound to it stays until it is deleted by force. */
  async createNode(): Promise<string> {
    const { name } = this;
    await this.#core.createNode({ body: { metadata: { name } } });
    onTestFinished(async () => {
      await this.#core.deleteNode({ name });
    });
    return name;
  }

  /** As a kubelet does it. */
  async reportPod(name: string, status: object): Promise<void> {
    const asMerge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    await this.#core.patchNamespacedPodStatus({ namespace: this.name, name, body: { status } }, asMerge);
  }

  /** @param gracePeriodSeconds 0 is by force */
  async deletePod(name: string, gracePeriodSeconds: number): Promise<void> {
    await this.#core.deleteNamespacedPod({ namespace: this.name, name, gracePeriodSeconds });
  }

  async pods(): Promise<V1Pod[]> {
    return (await this.#core.listNamespacedPod({ namespace: this.name })).items;
  }

  async endpointSlices(): Promise<V1EndpointSlice[]> {
    const api = this.#config.makeApiClient(DiscoveryV1Api);
    return (await api.listNamespacedEndpointSlice({ namespace: this.name })).items;
  }

  /** As `kubectl scale` does it. */
  async scale(name: string, replicas: number): Promise<void> {
    const scale = { namespace: this.name, name, body: { spec: { replicas } } };
    const asMerge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    await this.#apps.patchNamespacedStatefulSetScale(scale, asMerge);
  }

  async patchStatefulSet(name: string, spec: object): Promise<void> {
    const asMerge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    await this.#apps.patchNamespacedStatefulSet({ namespace: this.name, name, body: { spec } }, asMerge);
  }

  async create(objects: readonly KubernetesObject[]): Promise<void> {
    const api = KubernetesObjectApi.makeApiClient(this.#config);
    for (const object of objects) {
      await api.create({ ...object, metadata: { ...object.metadata, namespace: this.name } });
    }
  }

  /** A kubeconfig of who is such a service account of this namespace. */
  async kubeconfigOf(serviceAccount: string): Promise<string> {
    const core = this.#config.makeApiClient(CoreV1Api);
    const body = { spec: { audiences: [], expirationSeconds: 3_600 } };
    const where = { namespace: this.name, name: serviceAccount };
    const { status } = await core.createNamespacedServiceAccountToken({ ...where, body });
    const config = new KubeConfig();
    const cluster = this.#config.getCurrentCluster();
    const token = status?.token;
    if (cluster === null || token === undefined) throw new Error("no cluster, or no token");
    config.loadFromClusterAndUser(cluster, { name: serviceAccount, token });
    for (const context of config.contexts) Object.assign(context, { namespace: this.name });
    const dir = mkdtempSync(join(tmpdir(), "shardcast-kubeconfig-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const path = join(dir, "config");
    writeFileSync(path, config.exportConfig());
    return path;
  }

  get #core(): CoreV1Api {
    return this.#config.makeApiClient(CoreV1Api);
  }

  get #apps(): AppsV1Api {
    return this.#config.makeApiClient(AppsV1Api);
  }
}
