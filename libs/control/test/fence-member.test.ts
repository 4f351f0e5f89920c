import type { Log } from "@shardcast/log";
import { describe, expect, test } from "vitest";
import { type FenceMemberOptions, type FenceMemberOutcome, fenceMember } from "../src/index.ts";
import { ended, owned, up } from "./support/records.ts";
import { holdTime, pass, Replica, SERVICE, settle, World } from "./support/world.ts";

/** Fences member 1 from another process; `outcome` is undefined while that goes on. */
class Fencing {
  readonly abort = new AbortController();
  readonly done: Promise<FenceMemberOutcome>;
  outcome: FenceMemberOutcome | undefined;

  constructor(options: Omit<FenceMemberOptions, "signal"> & { readonly signal?: AbortSignal }) {
    this.done = fenceMember({ ...options, signal: options.signal ?? this.abort.signal });
    void this.done.then((outcome) => {
      this.outcome = outcome;
    });
  }

  static async begin(
    world: World,
    more: Partial<FenceMemberOptions> = {},
    log: Log = world.connect(),
  ): Promise<Fencing> {
    const directory = await world.directory(log);
    const { logger } = world;
    return new Fencing({
      ...{ log, directory, logger, service: SERVICE, topicPrefix: "test.", member: "1", leaseMs: 1_500 },
      ...more,
    });
  }
}

function releasedLanes(world: World): number[] {
  return world.of("lane").flatMap(({ state, lane }) => (state === "released" ? [lane] : []));
}

describe("fencing a silent member", () => {
  test("ends its session at once, and releases its lanes only when its lease must have run out (C2)", async () => {
    holdTime();
    const world = await World.open();
    const silent = await Replica.start(world, 1, [4, 2]);
    silent.silence();
    const fencing = await Fencing.begin(world);
    await settle();
    expect(await world.commit(silent.session)).toEqual({ kind: "fenced" });
    expect(world.of("member").at(-1)).toEqual(ended("1", "fenced"));
    await pass(1_499);
    expect(releasedLanes(world)).toEqual([]);
    expect(world.marks().flat()).toEqual([]);
    await pass(1);
    expect(fencing.outcome).toBe("released");
    expect(releasedLanes(world)).toEqual([2, 4]);
  });

  test("waits for the longest lease that one of its lanes was taken with", async () => {
    holdTime();
    const world = await World.open();
    const silent = await Replica.start(world, 1, [0]);
    await world.commit(silent.session, owned(3, "1", { leaseMs: 4_000 }));
    const fencing = await Fencing.begin(world);
    await pass(3_999);
    expect(fencing.outcome).toBeUndefined();
    expect(releasedLanes(world)).toEqual([]);
    await pass(1);
    expect(fencing.outcome).toBe("released");
    expect(releasedLanes(world)).toEqual([0, 3]);
  });

  test("counts the lease from when the member was fenced, however long the log took before", async () => {
    holdTime();
    const world = await World.open();
    await Replica.start(world, 1, [0]);
    const inner = world.connect();
    const slow: Log = {
      ...inner,
      openSession: async (options) => {
        await new Promise((resolve) => setTimeout(resolve, 5_000));
        return inner.openSession(options);
      },
    };
    const fencing = await Fencing.begin(world, {}, slow);
    await pass(6_450);
    expect(releasedLanes(world)).toEqual([]);
    await pass(50);
    expect(fencing.outcome).toBe("released");
  });

  test("marks the replies with the tokens that are over, before the lanes are released (C4)", async () => {
    holdTime();
    const world = await World.open();
    await Replica.start(world, 1, [4, 2]); // its `up` is at 0
    const log = world.connect();
    const marking = Promise.withResolvers<void>();
    const slow: Log = { ...log, append: (record) => marking.promise.then(() => log.append(record)) };
    const fencing = await Fencing.begin(world, {}, slow);
    await pass(2_000);
    expect(fencing.outcome).toBeUndefined();
    expect(releasedLanes(world)).toEqual([]);
    marking.resolve();
    await pass(0);
    for (const partition of world.marks()) expect(partition).toEqual([{ "4": 1, "2": 2 }]);
    expect(releasedLanes(world)).toEqual([2, 4]);
  });

  test("looks up what it owns after it is fenced: also what it took a moment before", async () => {
    holdTime();
    const world = await World.open();
    const late = await Replica.start(world, 1, [0]);
    const log = world.connect();
    const racing: Log = {
      ...log,
      openSession: async (options) => {
        await late.claim([7]);
        return log.openSession(options);
      },
    };
    await Fencing.begin(world, {}, racing);
    await pass(1_500);
    expect(releasedLanes(world)).toEqual([0, 7]);
  });

  test("that has come up anew is none: nothing is written", async () => {
    holdTime();
    const world = await World.open();
    const replica = await Replica.start(world, 1, [0]);
    const log = world.connect();
    const racing: Log = {
      ...log,
      openSession: async (options) => {
        await replica.comeUp("b");
        return log.openSession(options);
      },
    };
    const fencing = await Fencing.begin(world, {}, racing);
    await pass(5_000);
    expect(fencing.outcome).toBe("returned");
    expect(world.of("member").filter(({ state }) => state === "fenced")).toEqual([]);
    expect(releasedLanes(world)).toEqual([]);
    expect(world.marks().flat()).toEqual([]);
  });

  test("that comes back before its lease is over is not robbed (C2)", async () => {
    holdTime();
    const world = await World.open();
    const replica = await Replica.start(world, 1, [0]);
    const fencing = await Fencing.begin(world);
    await pass(1_000);
    await replica.comeUp("b");
    await replica.claim([0]);
    const token = world.records().length - 1;
    await pass(1_000);
    expect(fencing.outcome).toBe("returned");
    const { state } = await world.directory();
    expect(state.lane(0)).toMatchObject({ kind: "owned", incarnation: "1b", token });
    // what was marked is over for the new owner as well
    for (const { 0: marked } of world.marks().flat()) expect(marked).toBeLessThan(token);
  });

  test("is left off when it is told to, and leaves the lanes as they are", async () => {
    holdTime();
    const world = await World.open();
    await Replica.start(world, 1, [0]);
    const fencing = await Fencing.begin(world);
    await pass(1_000);
    fencing.abort.abort();
    await pass(1_000);
    expect(fencing.outcome).toBe("failed");
    expect(releasedLanes(world)).toEqual([]);
  });

  test("does not even take the session when it is told to stop before", async () => {
    holdTime();
    const world = await World.open();
    const replica = await Replica.start(world, 1, [0]);
    const fencing = await Fencing.begin(world, { signal: AbortSignal.abort() });
    await pass(2_000);
    expect(fencing.outcome).toBe("failed");
    expect(await world.commit(replica.session)).toMatchObject({ kind: "committed" });
  });

  test("that an outage breaks off is done by the next attempt, which need not fence it twice", async () => {
    holdTime();
    const world = await World.open();
    await Replica.start(world, 1, [0]);
    const first = await Fencing.begin(world);
    await pass(1_000);
    world.cluster.setAvailable(false);
    await pass(3_000);
    expect(first.outcome).toBe("failed");
    world.cluster.setAvailable(true);
    const second = await Fencing.begin(world);
    await pass(1_499);
    expect(releasedLanes(world)).toEqual([]); // it waits anew: it does not know how far the first one came
    await pass(1);
    expect(second.outcome).toBe("released");
    expect(world.of("member").filter(({ state }) => state === "fenced")).toHaveLength(1);
  });

  test("that owns nothing takes no time", async () => {
    holdTime();
    const world = await World.open();
    await Replica.start(world, 1);
    await Replica.start(world, 2, [0]);
    const fencing = await Fencing.begin(world);
    await settle();
    expect(fencing.outcome).toBe("released");
    expect(releasedLanes(world)).toEqual([]);
    expect(world.marks().flat()).toEqual([]);
  });

  test("that left without releasing, or of which only its lanes are known, gives its lanes too", async () => {
    holdTime();
    const world = await World.open();
    const left = await Replica.start(world, 1, [0]);
    await world.commit(left.session, ended("1", "left"));
    const stranger = await world.session("9");
    await world.commit(stranger, owned(5, "9"));
    const fencings = [await Fencing.begin(world), await Fencing.begin(world, { member: "9" })];
    await pass(1_500);
    expect(fencings.map(({ outcome }) => outcome)).toEqual(["released", "released"]);
    expect(releasedLanes(world).sort()).toEqual([0, 5]);
    expect(world.of("member").filter(({ state }) => state === "fenced")).toEqual([]);
  });

  test("on a log that is away, or closed meanwhile, fails and throws nothing", async () => {
    holdTime();
    const world = await World.open();
    await Replica.start(world, 1, [0]);
    const log = world.connect();
    const meanwhile = await Fencing.begin(world, {}, log);
    await pass(500);
    await log.close();
    await pass(1_000);
    expect(meanwhile.outcome).toBe("failed");
    const other = world.connect();
    const directory = await world.directory(other);
    world.cluster.setAvailable(false);
    const away = await fenceMember({
      ...{ log: other, directory, service: SERVICE, topicPrefix: "test.", member: "1", leaseMs: 1 },
      signal: new AbortController().signal,
    });
    expect(away).toBe("failed");
    expect(releasedLanes(world)).toEqual([]);
  });

  test("may be done by two at once: the later one goes through, the other finds the session gone", async () => {
    holdTime();
    const world = await World.open();
    await Replica.start(world, 1, [0]);
    const first = await Fencing.begin(world);
    await pass(500);
    const second = await Fencing.begin(world);
    await pass(1_499);
    expect(first.outcome).toBe("returned");
    expect(releasedLanes(world)).toEqual([]);
    await pass(1);
    expect(second.outcome).toBe("released");
    expect(releasedLanes(world)).toEqual([0]);
  });
});

test("a zombie that says `up` again after it was fenced finds that out, and stays fenced", async () => {
  holdTime();
  const world = await World.open();
  await Replica.start(world, 1, [0]);
  await Fencing.begin(world);
  await pass(500);
  const again = await world.session("1");
  await world.commit(again, up("1", { since: 0 }));
  const { state } = await world.directory();
  expect(state.member("1")?.state).toBe("fenced");
});
