export type { ResultListener, Results } from "./results.ts";
