import type { CommitOutcome, Log, MemberSession } from "@shardcast/log";
import { expect, test } from "vitest";
import { commitsThrough } from "../support/commits.ts";
import { Stage } from "../support/stage.ts";
import { DEAD, quiet, SERVICE, until, World } from "../support/world.ts";

const replyTo = { partition: 0, instance: "someone" };
const EOS = { delivery: "exactly-once" } as const;

/** A connection whose sessions' commits the test may spoil. */
function spoilt(
  world: World,
  spoil: (commit: () => Promise<CommitOutcome>, session: MemberSession) => Promise<CommitOutcome>,
): Log {
  return commitsThrough(world, (work, session) =>
    (work.progress?.length ?? 0) > 0 ? spoil(() => session.commit(work), session) : session.commit(work),
  );
}

test("a reply comes with the progress of its request, in one commit", async () => {
  const world = await World.open();
  const stage = new Stage();
  let commits = 0;
  const log = spoilt(world, async (commit) => {
    commits++;
    const before = world.replies().length;
    const outcome = await commit();
    if (world.replies().length > before) expect(world.committed()).toBe("1:");
    return outcome;
  });
  await world.start({
    ...EOS,
    log,
    commitIntervalMs: 60_000,
    leaseMs: 600_000,
    defaultHandler: stage.handler,
  });
  await world.send("k", "first", { replyTo });
  (await stage.started(1)).end("answer");
  await until(() => expect(world.replies()).toHaveLength(1));
  expect(world.committed()).toBe("1:");
  expect(commits).toBeGreaterThan(0);
});

test("C4: replies of a fenced owner are not on the log at all", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({
    ...EOS,
    podUid: "p",
    commitIntervalMs: 60_000,
    leaseMs: 600_000,
    defaultHandler: stage.handler,
  });
  await world.send("k", "first", { replyTo });
  const call = await stage.started(1);
  world.cluster.nextEpoch(SERVICE, "0");
  const next = new Stage();
  const replaced = world.start({ ...EOS, podUid: "p", leaseMs: 600_000, defaultHandler: next.handler });
  call.end("stale");
  await replaced;
  (await next.started(1)).end("rightful");
  await until(() => expect(world.replies()).toHaveLength(1));
  await quiet();
  expect(world.replies().map(({ value }) => value?.toString())).toEqual(["rightful"]);
});

test.each([
  ["was not", false],
  ["was", true],
])(
  "C3 C4: a commit of unknown outcome that %s written: each request is answered exactly once",
  async (_, written) => {
    const world = await World.open();
    const stage = new Stage();
    let broken = 0;
    const log = spoilt(world, async (commit, session) => {
      if (world.replies().length > 0 || broken > 0) return commit();
      broken++;
      if (written) await commit();
      await session.close();
      world.cluster.nextEpoch(SERVICE, "0");
      return { kind: "broken", cause: new Error("no answer") };
    });
    const { worker } = await world.start({
      ...EOS,
      log,
      concurrency: 10,
      leaseMs: 600_000,
      defaultHandler: stage.handler,
    });
    await world.send("a", "a0", { replyTo });
    await world.send("b", "b1", { replyTo });
    (await stage.call("a0")).end("a");
    (await stage.call("b1")).end("b");
    await world.committedAt(2);
    await worker.stop();
    expect(broken).toBe(1);
    expect(world.replies()).toHaveLength(2);
    expect(stage.calls).toHaveLength(2);
  },
);

test("a dead letter and its reply come in the same commit as the progress", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ ...EOS, maxAttempts: 1, defaultHandler: stage.handler });
  await world.send("k", "poison", { replyTo });
  (await stage.started(1)).fail(new Error("boom"));
  await until(() => expect(world.records(DEAD)).toHaveLength(1));
  expect(world.replies()).toHaveLength(1);
  expect(world.committed()).toBe("1:");
});

test("a reply that is too large is told as such", async () => {
  const world = await World.open({ maxRecordBytes: 2_000 });
  const stage = new Stage();
  await world.start({ ...EOS, defaultHandler: stage.handler });
  await world.send("k", "", { replyTo });
  (await stage.started(1)).end(Buffer.alloc(3_000));
  await until(() => expect(world.replies()).toHaveLength(1));
  expect(world.replies()[0]?.headers["sc-error"]?.toString()).toBe("SHARDCAST_REPLY_TOO_LARGE");
});

test("a stop and a move hand on what was committed", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({ ...EOS, defaultHandler: stage.handler });
  await world.send("k", "first", { replyTo });
  await world.send("k", "second", { replyTo });
  const first = await stage.call("first");
  const stopped = worker.stop();
  first.end("answer");
  await stopped;
  expect(world.replies()).toHaveLength(1);
  expect(world.committed()).toBe("1:");
  const next = new Stage();
  await world.start({ ...EOS, defaultHandler: next.handler });
  await next.call("second");
});
