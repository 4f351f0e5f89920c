import { afterAll, beforeAll, describe } from "vitest";
import { appendPromises } from "./append-promises.ts";
import { closePromises } from "./close-promises.ts";
import { commitPromises } from "./commit-promises.ts";
import { SuiteContext } from "./context.ts";
import { fencingPromises } from "./fencing-promises.ts";
import type { ConformanceOptions } from "./fixture.ts";
import { flowPromises } from "./flow-promises.ts";
import { outagePromises } from "./outage-promises.ts";
import { persistencePromises } from "./persistence-promises.ts";
import { reachedPromises } from "./reached-promises.ts";
import { readerPromises } from "./reader-promises.ts";
import { sessionPromises } from "./session-promises.ts";
import { startPromises } from "./start-promises.ts";
import { topicPromises } from "./topic-promises.ts";

/** A real broker may have to be started first. */
const SET_UP_MS = 180_000;
const TEST_MS = 30_000;
const OUTAGE_TEST_MS = 90_000;

/** Registers every promise of the interfaces as a test of one driver. */
export function logConformance({ name, features, setUp }: ConformanceOptions): void {
  describe(`${name} keeps the contract of the log`, { timeout: TEST_MS }, () => {
    const suite = new SuiteContext(features);
    beforeAll(async () => suite.begin(await setUp()), SET_UP_MS);
    afterAll(() => suite.end(), SET_UP_MS);

    describe("topics", () => topicPromises(suite));
    describe("append", () => appendPromises(suite));
    describe("reader", () => readerPromises(suite));
    describe("reader while records flow", () => flowPromises(suite));
    describe("reader that starts at once", () => startPromises(suite));
    describe("reader that reaches an offset", () => reachedPromises(suite));
    describe("session", () => sessionPromises(suite));
    describe("records in commits", () => commitPromises(suite));
    describe("fencing", () => fencingPromises(suite));
    describe("close", () => closePromises(suite));
    describe.skipIf(!features.persistent)("persistence", () => persistencePromises(suite));
    // last, because an outage is felt by every connection
    describe.skipIf(!features.outages)("outage", { timeout: OUTAGE_TEST_MS }, () => outagePromises(suite));
  });
}
