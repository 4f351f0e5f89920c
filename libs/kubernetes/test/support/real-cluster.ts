import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  loadAllYaml,
  PatchStrategy,
  setHeaderOptions,
  type V1Role,
} from "@kubernetes/client-node";
import { onTestFinished } from "vitest";

const RBAC = fileURLToPath(new URL("../../../../k8s/rbac-gateway.yaml", import.meta.url));

/** The objects of k8s/rbac-gateway.yaml, with other verbs in the Role where they are given. */
export function gatewayRights(verbs?: readonly string[]): KubernetesObject[] {
  const objects: KubernetesObject[] = loadAllYaml(readFileSync(RBAC, "utf8"));
  for (const object of objects) {
    if (object.kind !== "Role" || verbs === undefined) continue;
    for (const rule of (object as V1Role).rules ?? []) rule.verbs = [...verbs];
  }
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

  async createStatefulSet(name: string, replicas: number, spec: object = {}): Promise<void> {
    const labels = { app: name };
    const containers = [{ name: "app", image: "example.invalid/none:1" }];
    const template = { metadata: { labels }, spec: { containers } };
    const body = {
      metadata: { name },
      spec: { serviceName: name, replicas, selector: { matchLabels: labels }, template, ...spec },
    };
    await this.#apps.createNamespacedStatefulSet({ namespace: this.name, body });
  }

  async deleteStatefulSet(name: string): Promise<void> {
    await this.#apps.deleteNamespacedStatefulSet({ namespace: this.name, name });
  }

  /** As `kubectl scale` does it. */
  async scale(name: string, replicas: number): Promise<void> {
    const scale = { namespace: this.name, name, body: { spec: { replicas } } };
    const asMerge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    await this.#apps.patchNamespacedStatefulSetScale(scale, asMerge);
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

  get #apps(): AppsV1Api {
    return this.#config.makeApiClient(AppsV1Api);
  }
}
