export { check } from "./checker/check.ts";
export type { Clause, History, Violation } from "./checker/history.ts";
export type { Figures } from "./checker/measure.ts";
export { measure } from "./checker/measure.ts";
