export type { ResultsOptions } from "./open-results.ts";
export { openResults } from "./open-results.ts";
export type { ResultListener, Results } from "./results.ts";
