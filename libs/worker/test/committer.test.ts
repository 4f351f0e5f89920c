import type { CommitOutcome, LaneProgress, MemberSession } from "@shardcast/log";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { Committer } from "../src/committer.ts";
import type { Lane } from "../src/lane.ts";

/** A committer over one lane that stands where the test puts it. */
function open(outcomes: CommitOutcome[] = []) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const at = { offset: 0, confirmed: 0 };
  const snapshot = (): LaneProgress => ({ lane: 0, offset: at.offset, metadata: "" });
  const lane = {
    snapshot,
    progress() {
      const progress = snapshot();
      const confirm = () => {
        at.confirmed = progress.offset;
      };
      return progress.offset === at.confirmed ? undefined : { progress, confirm };
    },
  };
  const commits: number[][] = [];
  const givenUp: number[][] = [];
  const session: MemberSession = {
    take: async () => expect.unreachable(),
    commit: async (progress) => {
      commits.push(progress.map(({ offset }) => offset));
      return outcomes.shift() ?? { kind: "committed" };
    },
    giveUp: async (progress) => {
      givenUp.push(progress.map(({ offset }) => offset));
      return { kind: "committed" };
    },
    close: async () => {},
  };
  const onFenced = vi.fn();
  const committer = new Committer({
    session,
    lanes: new Map([[0, lane as unknown as Lane]]),
    intervalMs: 100,
    logger: pino({ level: "silent" }),
    onFenced,
  });
  return { committer, at, commits, givenUp, onFenced };
}

test("commits what changed, once, and else asks every half second whether the session holds", async () => {
  const { at, commits } = open();
  at.offset = 7;
  await vi.advanceTimersByTimeAsync(100);
  expect(commits).toEqual([[7]]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(commits).toEqual([[7], [], []]);
});

test("commits again what is not known to be committed, with what came since", async () => {
  const { at, commits } = open([{ kind: "unavailable", cause: new Error("away") }]);
  at.offset = 7;
  await vi.advanceTimersByTimeAsync(100);
  at.offset = 8;
  await vi.advanceTimersByTimeAsync(200);
  expect(commits).toEqual([[7], [8]]);
});

test("gives up all lanes when it finishes, changed or not; no commit follows", async () => {
  const { committer, at, commits, givenUp } = open();
  at.offset = 7;
  await vi.advanceTimersByTimeAsync(100);
  expect(await committer.finish()).toEqual({ kind: "committed" });
  expect(givenUp).toEqual([[7]]);
  at.offset = 8;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(commits).toEqual([[7]]);
});

test("C2: tells once that it is fenced and never commits again, not even at the end", async () => {
  const { committer, at, commits, givenUp, onFenced } = open([{ kind: "fenced" }]);
  at.offset = 7;
  await vi.advanceTimersByTimeAsync(100);
  at.offset = 8;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await committer.finish()).toEqual({ kind: "fenced" });
  expect([commits, givenUp]).toEqual([[[7]], []]);
  expect(onFenced).toHaveBeenCalledTimes(1);
});
