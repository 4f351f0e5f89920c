import { controlPlaneBinary, startControlPlane } from "./control-plane.ts";

export interface TestCluster {
  readonly source: "KUBECONFIG" | "control plane";
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

/** The cluster for tests: KUBECONFIG's, else a control plane of our own where its program is there, else none. */
export async function acquireTestCluster(): Promise<TestCluster | undefined> {
  const given = process.env.KUBECONFIG ?? "";
  if (given !== "") return { source: "KUBECONFIG", kubeconfig: given, stop: async () => {} };
  const binary = controlPlaneBinary();
  return binary === undefined ? undefined : { source: "control plane", ...(await startControlPlane(binary)) };
}
