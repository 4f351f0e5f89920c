import type { CommitOutcome, Log, MemberSession } from "@shardcast/log";
import { expect, test } from "vitest";
import { commitsThrough, isRelease } from "../support/commits.ts";
import { Stage } from "../support/stage.ts";
import { quiet, RESULTS, SERVICE, until, World } from "../support/world.ts";

const replyTo = { partition: 0, instance: "someone" };
const EOS = { delivery: "exactly-once", leaseMs: 600_000 } as const;
const RECORDED = { id: "0193e4a0-0000-7000-8000-000000000000", replyTo, recording: "outcome" } as const;

/** Commits of records beside progress are lost, while the test says so: written or not, nobody learns. */
function lossy(world: World, loss: { on: boolean; written: boolean; lost: number }): Log {
  return commitsThrough(world, async (work, session): Promise<CommitOutcome> => {
    const isOutcome = (work.records?.length ?? 0) > 0 && (work.progress?.length ?? 0) > 0 && !isRelease(work);
    if (!loss.on || !isOutcome) return session.commit(work);
    loss.lost++;
    if (loss.written) await session.commit(work);
    return end(world, session);
  });
}

async function end(world: World, session: MemberSession): Promise<CommitOutcome> {
  await session.close();
  world.cluster.nextEpoch(SERVICE, "0");
  return { kind: "broken", cause: new Error("no answer") };
}

test("C3: a release after a commit that was not written does not say that its requests are done", async () => {
  const world = await World.open();
  const stage = new Stage();
  const loss = { on: true, written: false, lost: 0 };
  const log = lossy(world, loss);
  const { worker } = await world.start({ ...EOS, log, graceMs: 20, defaultHandler: stage.handler });
  await world.send("k", "first", { replyTo });
  (await stage.started(1)).end("answer");
  await until(() => expect(loss.lost).toBeGreaterThan(0));
  const stopped = worker.stop();
  await until(() => expect(world.logged("grace time is over")).toHaveLength(1));
  loss.on = false;
  await stopped;
  expect(world.committed()).toBe("0:");
  expect(world.replies()).toEqual([]);
  const next = new Stage();
  await world.start({ ...EOS, defaultHandler: next.handler });
  (await next.started(1)).end("answer");
  await until(() => expect(world.replies()).toHaveLength(1));
});

test("C10: a release waits for a commit under way, and says what that has written", async () => {
  const world = await World.open();
  const stage = new Stage();
  const answer = Promise.withResolvers<void>();
  let written = 0;
  const log = commitsThrough(world, async (work, session) => {
    const outcome = await session.commit(work);
    if (written > 0 || !(work.records?.length ?? 0) || !(work.progress?.length ?? 0)) return outcome;
    written++;
    await answer.promise;
    return end(world, session);
  });
  const { worker } = await world.start({ ...EOS, log, graceMs: 20, defaultHandler: stage.handler });
  await world.send("k", "first", { replyTo });
  (await stage.started(1)).end("answer");
  await until(() => expect(written).toBe(1));
  const stopped = worker.stop();
  await until(() => expect(world.logged("grace time is over")).toHaveLength(1));
  await quiet();
  answer.resolve();
  await stopped;
  expect(world.replies()).toHaveLength(1);
  expect(world.committed()).toBe("1:");
  expect(world.control().progress(0)?.offset).toBe(1);
});

test("C3 C5: what was lost with the log is recorded once when the lane is taken again, and does not run again", async () => {
  const world = await World.open();
  const stage = new Stage();
  const loss = { on: true, lost: 0 };
  const committedWith: (string | undefined)[] = [];
  const log = commitsThrough(world, async (work, session) => {
    const isResult = work.records?.some(({ topic }) => topic === RESULTS) ?? false;
    if (loss.on && isResult) {
      loss.lost++;
      world.cluster.setAvailable(false);
    }
    const outcome = await session.commit(work);
    if (isResult && outcome.kind === "committed") committedWith.push(world.committed());
    return outcome;
  });
  const { worker } = await world.start({ log, lostAfterMs: 50, defaultHandler: stage.handler });
  const lost = new Promise((resolve) => worker.on("laneLost", resolve));
  await world.send("k", "first", RECORDED);
  (await stage.started(1)).end("answer");
  await lost;
  loss.on = false;
  world.cluster.setAvailable(true);
  await until(() => expect(world.replies()).toHaveLength(1));
  await world.committedAt(1);
  expect(loss.lost).toBe(1);
  expect(committedWith).toEqual(["1:"]);
  expect(world.ends()).toHaveLength(1);
  await world.send("k", "second", { replyTo });
  (await stage.call("second")).end();
  expect(stage.bodies).toEqual(["first", "second"]);
});

test("C3 C5: a result whose commit was written, unknown to the member, is not written again", async () => {
  const world = await World.open();
  const stage = new Stage();
  const loss = { on: true, written: true, lost: 0 };
  await world.start({ log: lossy(world, loss), leaseMs: 600_000, defaultHandler: stage.handler });
  await world.send("k", "first", RECORDED);
  const call = await stage.started(1);
  call.end("answer");
  await until(() => expect(loss.lost).toBe(1));
  loss.on = false;
  await until(() => expect(world.replies()).toHaveLength(1));
  expect(world.ends()).toHaveLength(1);
  await world.committedAt(1);
});
