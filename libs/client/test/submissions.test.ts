import { createMemoryLog } from "@shardcast/log/memory";
import { newRequestId, type RequestEnvelope } from "@shardcast/protocol";
import { openResults } from "@shardcast/results";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { DrainRate } from "../src/drain-rate.ts";
import { KeyCounts } from "../src/key-counts.ts";
import type { Lane } from "../src/pending.ts";
import { Submissions } from "../src/submissions.ts";
import { endOf, LANES, SERVICE, startService } from "./support/service.ts";

const RETENTION_MS = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
});

function laneZero(): Lane {
  return { number: 0, name: `${SERVICE}/0`, waiting: 0, keys: new KeyCounts(), drain: new DrainRate() };
}

function submitted(key: string, more: Partial<RequestEnvelope> = {}): RequestEnvelope {
  const id = newRequestId(0);
  return {
    id,
    service: SERVICE,
    key: Buffer.from(key),
    handler: "",
    attempt: 1,
    headers: {},
    body: Buffer.of(),
    ...more,
  };
}

async function open() {
  const { cluster } = await startService();
  const log = createMemoryLog({ cluster });
  const results = await openResults(log, { service: SERVICE, lanes: LANES, retentionMs: RETENTION_MS });
  onTestFinished(async () => {
    await results.close();
    await log.close();
  });
  return results;
}

describe("C7: submitted requests that have not ended", () => {
  it("count for their key until the results say that they have ended", async () => {
    const results = await open();
    const lane = laneZero();
    const submissions = new Submissions({ maxPendingPerKey: 2, maxHeld: 10 });
    const [first, second, third] = [submitted("hot"), submitted("hot"), submitted("hot")] as const;
    submissions.hold(first, lane, results);
    submissions.hold(second, lane, results);
    expect(() => submissions.hold(third, lane, results)).toThrow(
      expect.objectContaining({
        code: "SHARDCAST_KEY_BUSY",
        extensions: { requestId: third.id, retryAfterSeconds: 1 },
      }),
    );
    submissions.hold(submitted("other"), lane, results);
    results.note(endOf(first));
    submissions.hold(third, lane, results);
    for (const request of [second, third]) results.note(endOf(request));
    expect([lane.keys.of("hot"), lane.keys.of("other"), submissions.size]).toEqual([0, 1, 1]);
  });

  it("count once, however often they are repeated (C5), and not at all once they could not be published", async () => {
    const results = await open();
    const lane = laneZero();
    const submissions = new Submissions({ maxPendingPerKey: 1, maxHeld: 10 });
    const request = submitted("hot");
    const letGo = submissions.hold(request, lane, results);
    // The first is on the log, whatever becomes of its repetition.
    submissions.hold(request, lane, results)();
    expect(lane.keys.of("hot")).toBe(1);
    letGo();
    letGo();
    results.note(endOf(request));
    expect([lane.keys.size, submissions.size]).toEqual([0, 0]);
  });

  it("are not counted while they are delayed, nor where nobody would say that they have ended", async () => {
    const results = await open();
    const lane = laneZero();
    const submissions = new Submissions({ maxPendingPerKey: 1, maxHeld: 10 });
    submissions.hold(submitted("hot", { notBeforeMs: Date.now() + 60_000 }), lane, results);
    submissions.hold(submitted("hot"), lane, undefined);
    expect([lane.keys.size, submissions.size]).toEqual([0, 0]);
  });

  it("are forgotten, the oldest first, over the limit, and when their end would be", async () => {
    const results = await open();
    vi.useFakeTimers({ toFake: ["Date"] });
    const lane = laneZero();
    const submissions = new Submissions({ maxPendingPerKey: 1, maxHeld: 2 });
    for (const key of ["a", "b", "c"]) submissions.hold(submitted(key), lane, results);
    expect(["a", "b", "c"].map((key) => lane.keys.of(key))).toEqual([0, 1, 1]);
    vi.setSystemTime(Date.now() + RETENTION_MS + 1);
    submissions.hold(submitted("b"), lane, results);
    expect([lane.keys.of("b"), lane.keys.of("c"), submissions.size]).toEqual([1, 0, 1]);
    submissions.clear();
    expect([lane.keys.size, submissions.size]).toEqual([0, 0]);
  });
});
