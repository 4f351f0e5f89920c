export type { LocalApi, LocalApiOptions } from "./local/api.ts";
export { serveLocalApi } from "./local/api.ts";
export type { SidecarOptions } from "./options.ts";
export { resolveSidecarOptions, SIDECAR_ENV } from "./options.ts";
export type { Sidecar, SidecarReadiness } from "./sidecar.ts";
export { createSidecar } from "./sidecar.ts";
