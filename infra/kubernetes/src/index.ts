export { type ControlPlane, controlPlaneBinary, startControlPlane } from "./control-plane.ts";
export { acquireTestCluster, type TestCluster } from "./test-cluster.ts";
