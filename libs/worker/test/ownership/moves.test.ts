import type { CommitWork, Log } from "@shardcast/log";
import { expect, test, vi } from "vitest";
import type { WorkerOptions } from "../../src/index.ts";
import { commitsThrough, isRelease, laneRecords } from "../support/commits.ts";
import { Stage } from "../support/stage.ts";
import { quiet, until, World } from "../support/world.ts";

const replyTo = { partition: 0, instance: "someone" };

/** Two members on so many lanes, all of them with member 0 at first. */
async function two(lanes: number, options: Partial<WorkerOptions> = {}) {
  const world = await World.open({ replicas: lanes });
  await world.publish(Array(lanes).fill(0));
  const stages = [new Stage(), new Stage()] as const;
  const common = { lanes, replicas: 2, drainMs: 60_000, ...options };
  const zero = await world.start({ ...common, member: 0, defaultHandler: stages[0].handler });
  const one = await world.start({ ...common, member: 1, defaultHandler: stages[1].handler });
  return { world, stages, workers: [zero.worker, one.worker] as const, logs: [zero.log, one.log] as const };
}

const lanesOf = (worker: { lanes(): readonly { lane: number }[] }) => worker.lanes().map(({ lane }) => lane);

test("P > R: a service begins with lane i at ordinal i mod R, also while nobody plans", async () => {
  const world = await World.open({ replicas: 5 });
  const zero = await world.start({ member: 0, lanes: 5, replicas: 2, defaultHandler: () => {} });
  const one = await world.start({ member: 1, lanes: 5, replicas: 2, defaultHandler: () => {} });
  expect(lanesOf(zero.worker)).toEqual([0, 2, 4]);
  expect(lanesOf(one.worker)).toEqual([1, 3]);
});

test("C10: a lane that moves is drained, committed, released and only then taken; nothing done is repeated, nothing is skipped", async () => {
  const { world, stages, workers } = await two(2);
  await world.send("a", "a0", { replyTo });
  await world.send("a", "a1", { replyTo });
  await world.send("b", "b2", { replyTo });
  (await stages[0].call("b2")).end("done");
  const running = await stages[0].call("a0");
  await world.publish([1, 0]);
  await until(() => expect(workers[0].lanes()[0]).toMatchObject({ lane: 0, state: "draining" }));
  await quiet();
  expect(running.context.signal.aborted).toBe(false);
  expect(stages[1].calls).toHaveLength(0);
  expect(lanesOf(workers[1])).toEqual([]);

  running.end("done");
  const next = await stages[1].call("a1");
  expect(next.context.fencingToken).toBeGreaterThan(running.context.fencingToken);
  next.end("done");
  await until(() => expect(world.replies()).toHaveLength(3));
  await quiet();
  expect(stages[0].bodies).toEqual(["a0", "b2"]);
  expect(stages[1].bodies).toEqual(["a1"]);
  expect(lanesOf(workers[0])).toEqual([1]);
  expect(lanesOf(workers[1])).toEqual([0]);
});

test("C10: the other lanes never pause while one moves", async () => {
  const { world, stages, workers } = await two(2);
  await world.send("stays behind", "moving", {}, 0);
  await stages[0].call("moving");
  await world.publish([1, 0]);
  await until(() => expect(workers[0].lanes()[0]).toMatchObject({ lane: 0, state: "draining" }));
  await world.send("k", "other lane", {}, 1);
  (await stages[0].call("other lane")).end();
});

test("after drainMs the signal fires and the lane moves; what the handler still brings is dropped (C4)", async () => {
  const { world, stages } = await two(1, { drainMs: 5 });
  await world.send("k", "deaf", { replyTo });
  const deaf = await stages[0].call("deaf");
  await world.publish([1]);
  (await stages[1].call("deaf")).end("the new owner's");
  expect(deaf.context.signal.aborted).toBe(true);
  deaf.end("stale");
  await until(() => expect(world.replies()).toHaveLength(1));
  await quiet();
  expect(world.replies().map(({ value }) => value?.toString())).toEqual(["the new owner's"]);
});

test("C10: what has ended is not handled again, though the log was away for longer than a lane may take to drain", async () => {
  const { world, stages, workers } = await two(1, { drainMs: 20, leaseMs: 60_000 });
  await world.send("k", "ended", { replyTo });
  await world.send("deaf", "deaf", { replyTo });
  const ended = await stages[0].call("ended");
  const deaf = await stages[0].call("deaf");
  await world.publish([1]);
  await until(() => expect(workers[0].lanes()).toMatchObject([{ state: "draining" }]));
  world.cluster.setAvailable(false);
  ended.end("once");
  await until(() => expect(workers[0].lanes()).toMatchObject([{ state: "recording" }]));
  expect(deaf.context.signal.aborted).toBe(true);
  world.cluster.setAvailable(true);
  (await stages[1].call("deaf")).end("the new owner's");
  deaf.end("stale");
  await until(() => expect(world.replies()).toHaveLength(2));
  await quiet();
  expect(world.replies().map(({ value }) => value?.toString())).toEqual(["once", "the new owner's"]);
  expect(stages[1].bodies).toEqual(["deaf"]);
});

test("a map that gives the lane back while it drains: it goes its way and comes back", async () => {
  const { world, stages, workers } = await two(1);
  await world.send("k", "first");
  const first = await stages[0].call("first");
  await world.publish([1]);
  await until(() => expect(workers[0].lanes()).toMatchObject([{ state: "draining" }]));
  await world.publish([0]);
  first.end();
  await world.send("k", "second");
  (await stages[0].call("second")).end();
  expect(stages[0].bodies).toEqual(["first", "second"]);
  await world.committedAt(2);
});

const gates = new WeakMap<Log, () => void>();

/** Lets the claims go that wait together with this connection's. */
function together(log: Log): void {
  gates.get(log)?.();
}

/** Connections whose first claims all wait until each of them has made one: none knows of the others'. */
function claimingTogether(world: World, count: number): Log[] {
  const together = Promise.withResolvers<void>();
  let waiting = count;
  return Array.from({ length: count }, () => {
    let first = true;
    const held = commitsThrough(world, async (work, session) => {
      if (first && laneRecords(work).length > 0) {
        first = false;
        waiting--;
        if (waiting === 0) together.resolve();
        await together.promise;
      }
      return session.commit(work);
    });
    gates.set(held, together.resolve);
    return held;
  });
}

test("C2: two members with different maps never both own a lane: the first claim counts", async () => {
  const world = await World.open({ replicas: 2 });
  const stages = [new Stage(), new Stage()] as const;
  // Nobody plans, and one believes that there is one replica, the other that there are two: both want lane 1.
  const workers = await Promise.all(
    claimingTogether(world, 2).map(async (log, member) => {
      const options = { log, member, lanes: 2, replicas: member + 1 };
      const { handler } = stages[member] as Stage;
      return (await world.start({ ...options, defaultHandler: handler })).worker;
    }),
  );
  const claims = world.controlRecords().filter((each) => each.kind === "lane" && each.lane === 1);
  expect(claims.length).toBeGreaterThan(1);
  expect(workers.flatMap((worker) => lanesOf(worker)).toSorted()).toEqual([0, 1]);
  await world.send("k", "once", {}, 1);
  await Promise.race(stages.map((stage) => stage.call("once")));
  await quiet();
  expect(stages.flatMap(({ bodies }) => bodies)).toEqual(["once"]);
});

test("C10: once a lane is being released nothing more is committed for it, or the next owner's progress could be overwritten", async () => {
  const world = await World.open({ replicas: 2 });
  await world.publish([0, 0]);
  const commits: CommitWork[] = [];
  const gate = Promise.withResolvers<void>();
  const log = commitsThrough(world, async (work, session) => {
    commits.push(work);
    if (isRelease(work)) await gate.promise;
    return session.commit(work);
  });
  const stage = new Stage();
  await world.start({ log, lanes: 2, replicas: 2, defaultHandler: stage.handler });
  await world.send("k", "last", {}, 0);
  await world.send("k", "other lane", {}, 1);
  const [last, other] = [await stage.call("last"), await stage.call("other lane")];
  await world.publish([1, 0]);
  last.end();
  await until(() => expect(commits.some(isRelease)).toBe(true));
  const release = commits.findIndex(isRelease);
  other.end(); // so that there is something to commit
  await until(() => expect(commits.length).toBeGreaterThan(release + 1));
  gate.resolve();
  await world.committedAt(1, "", 1);
  const after = commits.slice(release + 1).flatMap(({ progress = [] }) => progress.map(({ lane }) => lane));
  expect(after).toContain(1);
  expect(after).not.toContain(0);
});

test("C10: what a release says is done is not repeated, though nothing was committed; the next owner says so too", async () => {
  const world = await World.open();
  await world.publish([0]);
  const log = commitsThrough(world, (work, session) => session.commit({ records: work.records ?? [] }));
  const [first, second] = [new Stage(), new Stage()];
  await world.start({ log, lanes: 1, replicas: 2, concurrency: 2, defaultHandler: first.handler });
  await world.send("a", "a0");
  await world.send("b", "b1");
  await world.send("c", "c2");
  (await first.call("a0")).end();
  await first.call("b1");
  (await first.call("c2")).end();
  await world.publish([1]);
  (await first.call("b1")).end();
  await world.start({ member: 1, lanes: 1, replicas: 2, defaultHandler: second.handler });
  await world.send("a", "a3");
  (await second.call("a3")).end();
  expect(second.bodies).toEqual(["a3"]);
  const claim = world.controlRecords().findLast((each) => each.kind === "lane" && each.state === "owned");
  expect(claim).toMatchObject({ member: "1", progress: { offset: 3, metadata: "" } });
});

test("C10: a lane that is sent to and fro under load is handled by one member after the other, in order", async () => {
  const { world, stages } = await two(1);
  for (let i = 0; i < 20; i++) {
    await world.publish([(i + 1) % 2]);
    await world.send("k", `${i}`);
    const call = await Promise.race([stages[0].call(`${i}`), stages[1].call(`${i}`)]);
    expect(stages[0].calls.length + stages[1].calls.length).toBe(i + 1);
    call.end();
  }
});

test("a member that stops releases its lanes; whom the map names takes them without waiting for a lease", async () => {
  const { world, stages, workers } = await two(2, { leaseMs: 600_000 });
  await world.publish([0, 0]);
  await workers[0].stop();
  expect([...world.control().lanes().values()].map(({ kind }) => kind)).toEqual(["released", "released"]);
  expect(world.control().member("0")).toMatchObject({ state: "left" });
  await world.publish([1, 1]);
  await world.send("k", "next");
  await stages[1].call("next");
});

test("a stop while a claim is on its way gives the lane back, so that the next owner need not wait", async () => {
  const world = await World.open();
  const [log] = claimingTogether(world, 2); // the second claim never comes, until the test makes it
  const { worker } = world.worker({ log: log as Log, defaultHandler: () => {} });
  const refused = expect(worker.start()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  await until(() => expect(world.control().member("0")).toMatchObject({ state: "up" }));
  await quiet();
  const stopped = worker.stop();
  await quiet();
  together(log as Log);
  await Promise.all([refused, stopped]);
  expect(world.control().lane(0).kind).toBe("released");
});

test("a lane the map takes away before its hook is through is given back without a handler", async () => {
  const acquiring = vi.fn(() => new Promise<void>(() => {}));
  const released = vi.fn();
  const world = await World.open();
  const { worker } = world.worker({
    onLaneAcquired: acquiring,
    onLaneReleased: released,
    defaultHandler: () => {},
  });
  void worker.start();
  await until(() => expect(acquiring).toHaveBeenCalledTimes(1));
  const other = new Stage();
  await world.publish([1]);
  await world.start({ member: 1, replicas: 2, lanes: 1, defaultHandler: other.handler });
  await world.send("k", "next");
  await other.call("next");
  expect(released).not.toHaveBeenCalled();
  await worker.stop();
});
