export {
  type ControlPlane,
  type ControlPlaneOptions,
  controlPlaneBinary,
  startControlPlane,
} from "./control-plane.ts";
export type { ImageProgram, Images } from "./kubelet/images.ts";
export type { TestNode } from "./kubelet/node.ts";
export { type Kwok, kwokBinary, startKwok } from "./kwok.ts";
export { hasPodNetwork } from "./network/local-range.ts";
export { acquireTestCluster, type TestCluster } from "./test-cluster.ts";
export { startTestbed, type Testbed, type TestbedOptions } from "./testbed.ts";
