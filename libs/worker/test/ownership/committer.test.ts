import type { CommitWork, LaneProgress, Log } from "@shardcast/log";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Lane } from "../../src/execution/lane.ts";
import { Outbox } from "../../src/execution/outbox.ts";
import { Committer } from "../../src/ownership/committer.ts";
import type { HeldLane } from "../../src/ownership/held-lane.ts";
import type { Member } from "../../src/ownership/member.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const INTERVAL_MS = 100;
const RENEW_MS = 500;
const HOUR_MS = 3_600_000;

/** A committer over one lane by itself; its member commits what it is given. */
function committerOf(
  state: HeldLane["state"] = "owned",
  { intervalMs = INTERVAL_MS, renewMs = RENEW_MS } = {},
) {
  const works: CommitWork[] = [];
  const lane = { offset: 0, committed: -1 };
  const execution = {
    progress() {
      const progress: LaneProgress = { lane: 0, offset: lane.offset, metadata: "" };
      if (lane.committed === lane.offset) return undefined;
      const confirm = () => {
        lane.committed = progress.offset;
      };
      return { progress, confirm };
    },
    recommit() {
      lane.committed = -1;
    },
  } as unknown as Lane;
  const member = {
    holding: true,
    lastCommitMs: performance.now(),
    async commit(work: CommitWork) {
      works.push(work);
      member.lastCommitMs = performance.now();
      return [];
    },
  };
  const committer = new Committer({
    log: {} as Log,
    member: member as unknown as Member,
    lanes: () => [{ lane: 0, state, execution } as unknown as HeldLane],
    outbox: new Outbox(() => {}),
    group: "g",
    requests: "r",
    intervalMs,
    renewMs,
    logger: pino({ level: "silent" }),
  });
  const progress = () => works.flatMap((work) => work.progress ?? []).map(({ offset }) => offset);
  return { committer, lane, member, works, progress };
}

test("what has changed is committed at the next turn, once", async () => {
  const { committer, lane, progress } = committerOf();
  await vi.advanceTimersByTimeAsync(INTERVAL_MS);
  lane.offset = 5;
  await vi.advanceTimersByTimeAsync(3 * INTERVAL_MS);
  expect(progress()).toEqual([0, 5]);
  committer.stop();
});

test("without anything to commit the lease is renewed all the same, and not more often than it must", async () => {
  const { committer, works } = committerOf();
  await vi.advanceTimersByTimeAsync(10 * RENEW_MS);
  expect(works.length).toBeGreaterThanOrEqual(9);
  expect(works.length).toBeLessThanOrEqual(11);
  committer.stop();
});

test("C10: progress of an idle lane is committed again and again, so that Kafka does not forget it", async () => {
  const { committer, progress } = committerOf("owned", { intervalMs: 60_000, renewMs: 60_000 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(progress()).toEqual([0]);
  await vi.advanceTimersByTimeAsync(7 * HOUR_MS);
  expect(progress()).toEqual([0, 0]);
  committer.stop();
});

test("C10: a lane on its way out is left alone", async () => {
  const { committer, progress } = committerOf("releasing");
  await vi.advanceTimersByTimeAsync(10 * INTERVAL_MS);
  expect(progress()).toEqual([]);
  committer.stop();
});

test("without a session nothing is tried; stopped, nothing at all", async () => {
  const { committer, member, works } = committerOf();
  member.holding = false;
  await vi.advanceTimersByTimeAsync(10 * RENEW_MS);
  expect(works).toEqual([]);
  member.holding = true;
  committer.stop();
  await vi.advanceTimersByTimeAsync(10 * RENEW_MS);
  expect(works).toEqual([]);
});
