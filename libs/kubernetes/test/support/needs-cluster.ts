import { beforeEach, inject } from "vitest";

/** Skips the tests of the file, and says why, where there is no Kubernetes. Returns how to get its kubeconfig. */
export function needsCluster(): () => string {
  const kubeconfig = inject("kubeconfig");
  beforeEach(({ skip }) =>
    skip(kubeconfig === undefined, "no Kubernetes: neither KUBECONFIG nor CTLPLANE_DIR"),
  );
  return () => kubeconfig as string;
}
