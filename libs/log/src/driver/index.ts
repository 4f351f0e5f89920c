export { assertProgress } from "./assert-progress.ts";
export { Milestones } from "./milestones.ts";
