export type { FuzzOptions, FuzzReport } from "./fuzz.ts";
export { fuzz } from "./fuzz.ts";
