export type { Phase } from "./health.ts";
export type { SidecarOptions } from "./options.ts";
export { resolveSidecarOptions, SIDECAR_ENV } from "./options.ts";
export type { Sidecar } from "./sidecar.ts";
export { createSidecar } from "./sidecar.ts";
