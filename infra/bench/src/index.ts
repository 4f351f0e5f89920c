export type { Figure } from "./figures.ts";
export { percentile, printFigure, ratioOf, sorted } from "./figures.ts";
