export type { ConformanceOptions, LogFeatures, LogFixture } from "./fixture.ts";
export { logConformance } from "./suite.ts";
