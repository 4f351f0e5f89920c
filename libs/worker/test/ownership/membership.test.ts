import type { Log } from "@shardcast/log";
import { createMemoryLog } from "@shardcast/log/memory";
import type { ControlRecord } from "@shardcast/protocol";
import { expect, test, vi } from "vitest";
import { Stage } from "../support/stage.ts";
import { controlRecord, quiet, REQUESTS, SERVICE, until, World } from "../support/world.ts";

const replyTo = { partition: 0, instance: "someone" };
const LONG = 600_000;

/** Writes in a member's name, as whoever holds its session. */
async function inTheNameOf(world: World, member: string, ...records: ControlRecord[]): Promise<void> {
  const session = await world.log.openSession({ service: SERVICE, member, topic: REQUESTS });
  await session.commit({ records: records.map(controlRecord) });
  await session.close();
}

function incarnationOf(world: World, member = "0"): string {
  return world.control().member(member)?.incarnation ?? expect.unreachable("nobody has spoken");
}

test("C2: while the lease is not renewed no handler starts; when it is again they go on, and nothing done is repeated", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({
    concurrency: 10,
    leaseMs: 300,
    commitIntervalMs: 60_000,
    defaultHandler: stage.handler,
  });
  await world.send("a", "a0");
  await world.send("a", "a1");
  const first = await stage.call("a0");
  world.cluster.setAvailable(false);
  await until(() => expect(world.logged("session is over")).toHaveLength(1));
  const { fencingToken } = first.context;
  await world.lapsed(300);
  first.end("done");
  await quiet();
  expect(first.context.signal.aborted).toBe(false); // nobody else can have the lane: the log is away for all
  expect(stage.bodies).toEqual(["a0"]);
  world.cluster.setAvailable(true);
  const second = await stage.call("a1");
  expect(second.context.fencingToken).toBe(fencingToken);
  second.end();
  await world.send("a", "a2");
  await stage.call("a2");
  expect(stage.bodies).toEqual(["a0", "a1", "a2"]);
});

test("C2 C4: a commit that was long on its way renews the lease from when it was begun; until one does no handler starts and no reply leaves", async () => {
  const world = await World.open();
  const connection = createMemoryLog({ cluster: world.cluster });
  let held: (() => void)[] | undefined;
  const log: Log = {
    ...connection,
    get available() {
      return connection.available;
    },
    openSession: async (options) => {
      const session = await connection.openSession(options);
      return {
        close: () => session.close(),
        async commit(work) {
          if (held !== undefined) await new Promise<void>((resolve) => held?.push(resolve));
          return session.commit(work);
        },
      };
    },
  };
  const stage = new Stage();
  await world.start({ log, leaseMs: 300, defaultHandler: stage.handler });
  await world.send("running", "running", { replyTo });
  const running = await stage.call("running");
  held = [];
  await until(() => expect(held).toHaveLength(1));
  await world.lapsed(300);
  await world.send("k", "waits for the lease");
  running.end("its reply waits too");
  held.shift()?.(); // answered at last; the next one is held again
  await until(() => expect(held).toHaveLength(1));
  await quiet();
  expect(stage.bodies).toEqual(["running"]);
  expect(world.replies()).toEqual([]);
  const [next] = held;
  held = undefined;
  next?.();
  await stage.call("waits for the lease");
  await until(() => expect(world.replies()).toHaveLength(1));
});

test("C2: a crashed predecessor's lease is waited for before the first handler", async () => {
  const world = await World.open();
  const dead = new Stage();
  const { log } = await world.start({ leaseMs: 400, defaultHandler: dead.handler });
  await world.send("a", "a0");
  await dead.call("a0");
  await log.close(); // the process is gone
  const begunMs = performance.now();
  const next = new Stage();
  await world.start({ leaseMs: 300, defaultHandler: next.handler });
  await next.call("a0");
  expect(performance.now() - begunMs).toBeGreaterThanOrEqual(400); // its own, not ours
});

test("a predecessor of the same pod is known to be dead, and not waited for", async () => {
  const world = await World.open();
  const dead = new Stage();
  const { log } = await world.start({ leaseMs: LONG, podUid: "pod-1", defaultHandler: dead.handler });
  await world.send("a", "a0");
  await dead.call("a0");
  await log.close();
  const next = new Stage();
  await world.start({ leaseMs: LONG, podUid: "pod-1", defaultHandler: next.handler });
  await next.call("a0");
});

test("C4: whoever takes over from a lost owner fences its replies off first, on every partition of the replies", async () => {
  const world = await World.open();
  const { log } = await world.start({ podUid: "pod-1", defaultHandler: () => {} });
  const token = world.control().lane(0);
  await log.close();
  await world.start({ podUid: "pod-1", defaultHandler: () => {} });
  for (let partition = 0; partition < 16; partition++) {
    expect(world.fences(partition)).toEqual([new Map([[0, token.kind === "owned" ? token.token : -1]])]);
  }
});

test("C2: fenced by the planner for its silence: the signal fires, the lanes are gone, and it begins anew", async () => {
  const world = await World.open();
  await world.publish([0]);
  const stage = new Stage();
  const { worker } = await world.start({
    lanes: 1,
    replicas: 2,
    commitIntervalMs: 60_000,
    leaseMs: LONG,
    defaultHandler: stage.handler,
  });
  await world.send("k", "running", { replyTo });
  const call = await stage.call("running");
  const before = incarnationOf(world);
  const lost = vi.fn();
  worker.on("laneLost", lost);

  await world.publish([1]);
  await inTheNameOf(
    world,
    "0",
    { kind: "member", state: "fenced", member: "0", incarnation: before },
    { kind: "lane", state: "released", lane: 0, member: "0" },
  );
  await until(() => expect(call.context.signal.aborted).toBe(true));
  expect(call.context.signal.reason).toMatchObject({ code: "SHARDCAST_FENCED" });
  expect(lost).toHaveBeenCalledTimes(1);
  const other = new Stage();
  await world.start({ member: 1, lanes: 1, replicas: 2, defaultHandler: other.handler });
  (await other.call("running")).end("rightful");
  call.end("stale");
  await until(() => expect(incarnationOf(world)).not.toBe(before));
  expect(world.control().member("0")).toMatchObject({ state: "up" });
  await until(() => expect(world.replies()).toHaveLength(1));
  await quiet();
  expect(world.replies().map(({ value }) => value?.toString())).toEqual(["rightful"]); // C4

  await world.publish([0]); // back again, it gets its share
  await until(() => expect(worker.lanes()).toMatchObject([{ lane: 0, state: "owned" }]));
  await world.send("k", "next");
  await stage.call("next");
});

test("a member that is fenced does not go on before its old handlers have ended (C1)", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ commitIntervalMs: 60_000, leaseMs: LONG, defaultHandler: stage.handler });
  await world.send("k", "first");
  const deaf = await stage.call("first");
  const before = incarnationOf(world);
  await inTheNameOf(
    world,
    "0",
    { kind: "member", state: "fenced", member: "0", incarnation: before },
    { kind: "lane", state: "released", lane: 0, member: "0" },
  );
  await until(() => expect(deaf.context.signal.aborted).toBe(true));
  await quiet();
  expect(incarnationOf(world)).toBe(before);
  expect(stage.calls).toHaveLength(1);
  deaf.end();
  await stage.started(2);
  expect(stage.bodies).toEqual(["first", "first"]);
});

test("fenced by one that never speaks, it comes back as what it was and keeps its lanes", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({ defaultHandler: stage.handler });
  await world.send("k", "first");
  const call = await stage.call("first");
  world.cluster.nextEpoch(SERVICE, "0"); // an initialisation given up and carried out late, say
  await until(() => expect(world.logged("session is over")).toHaveLength(1));
  call.end();
  await world.committedAt(1);
  expect(call.context.signal.aborted).toBe(false);
  expect(worker.lanes()).toMatchObject([
    { lane: 0, fencingToken: call.context.fencingToken, state: "owned" },
  ]);
});

test("an older incarnation that speaks again late does not replace a newer one: it ends", async () => {
  const world = await World.open();
  const { worker: older, log } = await world.start({ podUid: "a", defaultHandler: () => {} });
  void log;
  const stage = new Stage();
  const { worker: newer } = await world.start({ podUid: "a", defaultHandler: stage.handler });
  expect(await older.ended).toEqual({ reason: "fenced" });
  await world.send("k", "for the newer");
  await stage.call("for the newer");
  expect(newer.lanes()).toMatchObject([{ lane: 0, state: "owned" }]);
});

test("without its lease for long, its handlers are told; if the lanes are still its own it goes on with what it had done", async () => {
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({
    concurrency: 10,
    leaseMs: 300,
    lostAfterMs: 50,
    commitIntervalMs: 60_000,
    defaultHandler: stage.handler,
  });
  await world.send("done", "done");
  await world.send("running", "running", { replyTo });
  const done = await stage.call("done");
  const running = await stage.call("running");
  const { fencingToken } = running.context;
  await world.committedAt(0);
  world.cluster.setAvailable(false);
  done.end();
  await until(() => expect(running.context.signal.aborted).toBe(true));
  expect(worker.lanes()).toEqual([]);
  world.cluster.setAvailable(true);
  await until(() => {
    expect(world.controlRecords().filter(({ kind }) => kind === "member")).toHaveLength(2); // it holds again
  });
  await quiet();
  expect(stage.calls).toHaveLength(2); // not beside what still runs
  running.end("its reply is sent, the lane is still ours");
  await until(() => expect(world.replies()).toHaveLength(1));
  await until(() => expect(worker.lanes()).toMatchObject([{ lane: 0, state: "owned" }]));
  expect(worker.lanes()[0]?.fencingToken).toBeGreaterThan(fencingToken);
  await world.committedAt(2); // without waiting for the next request
  await world.send("running", "next");
  await stage.call("next");
  expect(stage.bodies).toEqual(["done", "running", "next"]); // nothing done is repeated, though it was not committed
});

test("a lane that another member claims in vain is claimed again with the old token, so that compaction keeps ours", async () => {
  const world = await World.open();
  const { worker } = await world.start({ defaultHandler: () => {} });
  const token = worker.lanes()[0]?.fencingToken;
  const claim = {
    kind: "lane",
    state: "owned",
    lane: 0,
    member: "9",
    incarnation: "x",
    uid: "y",
    leaseMs: 1,
  } as const;
  await inTheNameOf(world, "9", claim);
  await until(() => {
    const last = world.controlRecords().findLast(({ kind }) => kind === "lane");
    expect(last).toMatchObject({ member: "0", state: "owned", token });
  });
  expect(worker.lanes()).toMatchObject([{ lane: 0, fencingToken: token, state: "owned" }]);
});

test("it beats as long as its commits succeed, and says when it leaves", async () => {
  const world = await World.open();
  const { worker } = await world.start({ defaultHandler: () => {} });
  await until(() => expect(world.controlRecords().filter(({ kind }) => kind === "beat")).toHaveLength(1));
  await worker.stop();
  expect(world.control().member("0")).toMatchObject({ state: "left" });
});
