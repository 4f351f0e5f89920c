import { acquireTestCluster } from "@shardcast/infra-kubernetes";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Of an administrator of the cluster that all *.kubernetes.test.ts share, in namespaces of their own; undefined without one. */
    kubeconfig: string | undefined;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const cluster = await acquireTestCluster();
  project.provide("kubeconfig", cluster?.kubeconfig);
  if (cluster === undefined) {
    console.warn(
      "NO KUBERNETES FOR THE TESTS: *.kubernetes.test.ts ARE SKIPPED. Set KUBECONFIG to a cluster that tests may use, " +
        "or CTLPLANE_DIR to a folder with bin/ctlplane: etcd, kube-apiserver and kube-controller-manager in one program.",
    );
    return undefined;
  }
  console.log(`Kubernetes for the tests: ${cluster.kubeconfig} (${cluster.source})`);
  return () => cluster.stop();
}
