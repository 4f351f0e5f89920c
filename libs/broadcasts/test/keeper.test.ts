import {
  type AckRecord,
  type BroadcastEnvelope,
  type ControlRecord,
  encodeBroadcastCancel,
  ShardcastError,
} from "@shardcast/protocol";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Keeper } from "../src/keeper.ts";
import { KnownBroadcasts } from "../src/known-broadcasts.ts";
import type { KeeperWord } from "../src/words.ts";
import { acked, beat, broadcast, map } from "./support/records.ts";
import { World } from "./support/world.ts";

const DRAFT = { handler: "reload", body: Buffer.from("rates") };
const STEP_MS = 50;

/** Timers and clocks stand still until {@link pass} moves them. */
function holdTime(): void {
  vi.useFakeTimers({
    toFake: ["Date", "performance", "setTimeout", "clearTimeout", "setInterval", "clearInterval"],
  });
  onTestFinished(() => void vi.useRealTimers());
}

/** The twin's readers deliver by setImmediate, which is never faked. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function pass(ms: number): Promise<void> {
  await settle();
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    vi.advanceTimersByTime(Math.min(STEP_MS, ms - passed));
    await settle();
  }
}

/** Something that speaks on S.control all the time, as a planner does. */
function keepTalking(world: World, ...records: ControlRecord[]): () => void {
  const talk = () =>
    world.tell({ kind: "planner", state: "beat", holder: "p" }, ...records).catch(() => undefined);
  const timer = setInterval(() => void talk(), 1_000);
  onTestFinished(() => clearInterval(timer));
  return () => clearInterval(timer);
}

function said(world: World, kind: AckRecord["kind"]): number {
  return world.said().filter((word) => word.kind === kind).length;
}

describe("C6: a keeper says", () => {
  test("that a broadcast has expired, for whom nothing final was said", async () => {
    holdTime();
    const world = await World.open();
    const keeper = await world.broadcasts({ keeper: true });
    const { status } = await keeper.publish({ ...DRAFT, ttlMs: 10_000 });
    await world.say(acked(status.id, "1"));
    await pass(9_900);
    expect(said(world, "closed")).toBe(0);
    await pass(1_000);
    expect(keeper.get(status.id)).toMatchObject({ verdict: "partly", reason: "expired" });
    expect(keeper.get(status.id)?.members.map(({ state }) => state)).toEqual(["expired", "acked", "expired"]);
    await pass(5_000);
    expect(said(world, "closed")).toBe(1);
  });

  test("nothing where it is not one", async () => {
    holdTime();
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const { status } = await broadcasts.publish({ ...DRAFT, ttlMs: 1_000 });
    await pass(5_000);
    expect(broadcasts.get(status.id)?.verdict).toBe("open");
  });

  test("also of a time to live that is longer than a timer can hold", async () => {
    holdTime();
    const world = await World.open();
    const days = 24 * 3_600_000;
    const keeper = await world.broadcasts({ keeper: true, retentionMs: 60 * days });
    const { status } = await keeper.publish({ ...DRAFT, ttlMs: 30 * days });
    await pass(2_000);
    expect(keeper.get(status.id)?.verdict).toBe("open");
    vi.setSystemTime(status.expiresMs);
    await pass(1_000);
    expect(keeper.get(status.id)).toMatchObject({ verdict: "failed", reason: "expired" });
  });

  test("that ordinals beyond a newer map are gone, and only those", async () => {
    holdTime();
    const world = await World.open();
    await world.tell(map(1, 3));
    const keeper = await world.broadcasts({ keeper: true });
    const { status } = await keeper.publish(DRAFT);
    await world.say(acked(status.id, "0"), acked(status.id, "2"));
    await world.tell(map(2, 1));
    await pass(1_000);
    expect(keeper.get(status.id)).toMatchObject({
      verdict: "satisfied",
      reason: "all-answered",
      partial: false,
    });
    expect(keeper.get(status.id)?.members.map(({ state }) => state)).toEqual(["acked", "gone", "acked"]);
    expect(world.said().filter(({ kind }) => kind === "gone")).toMatchObject([
      { members: [{ member: "1" }] },
    ]);
  });

  test("nothing of members that the broadcast's own map, or one before it, does not know", async () => {
    holdTime();
    const world = await World.open();
    await world.tell(map(4, 1));
    const keeper = await world.broadcasts({ keeper: true });
    const coming = broadcast({ epoch: 4 });
    await world.put(coming);
    await pass(2_000);
    expect(keeper.get(coming.id)?.members.map(({ state }) => state)).toEqual([
      "waiting",
      "waiting",
      "waiting",
    ]);
    await world.tell(map(5, 2));
    await pass(1_000);
    expect(keeper.get(coming.id)?.members.map(({ state }) => state)).toEqual(["waiting", "waiting", "gone"]);
  });

  test("that an ephemeral member is gone when it is silent, replaced, or has left", async () => {
    holdTime();
    const world = await World.open();
    keepTalking(world);
    const stop = keepTalking(world, beat("silent"));
    keepTalking(world, beat("alive"));
    await world.tell(beat("silent"), beat("alive"), beat("replaced"), beat("left"));
    const keeper = await world.broadcasts({ keeper: true, replicas: 0 });
    const { status } = await keeper.publish(DRAFT);
    const states = () => keeper.get(status.id)?.members.map(({ member, state }) => `${member} ${state}`);
    keepTalking(world, beat("replaced", "replaced-b"));
    await world.tell({ kind: "gone", member: "left" });
    await pass(2_000);
    expect(states()).toEqual(["alive waiting", "left gone", "replaced gone", "silent waiting"]);
    stop();
    await pass(4_000);
    expect(states()).toContain("silent waiting");
    await pass(3_000);
    expect(states()).toEqual(["alive waiting", "left gone", "replaced gone", "silent gone"]);
    await world.say(acked(status.id, "alive", "alive-a"));
    await settle();
    expect(keeper.get(status.id)?.verdict).toBe("satisfied");
  });

  test("that an ephemeral member is gone also where nobody else speaks on S.control", async () => {
    holdTime();
    const world = await World.open();
    await world.tell(beat("pod-x"));
    const keeper = await world.broadcasts({ keeper: true, replicas: 0 });
    const { status } = await keeper.publish(DRAFT);
    await pass(4_000);
    expect(keeper.get(status.id)?.verdict).toBe("open");
    await pass(4_000);
    expect(keeper.get(status.id)).toMatchObject({ verdict: "failed", members: [{ state: "gone" }] });
  });

  test("nothing of who could not be heard because the log was away", async () => {
    holdTime();
    const world = await World.open();
    keepTalking(world, beat("pod-x"));
    await world.tell(beat("pod-x"));
    const keeper = await world.broadcasts({ keeper: true, replicas: 0 });
    const { status } = await keeper.publish(DRAFT);
    world.cluster.setAvailable(false);
    await pass(20_000);
    world.cluster.setAvailable(true);
    await pass(20_000);
    expect(keeper.get(status.id)?.members[0]?.state).toBe("waiting");
    expect(said(world, "gone")).toBe(0);
  });

  test("what could not be written while the log was away, when it is back", async () => {
    holdTime();
    const world = await World.open();
    const keeper = await world.broadcasts({ keeper: true });
    const { status } = await keeper.publish({ ...DRAFT, ttlMs: 1_000 });
    world.cluster.setAvailable(false);
    await pass(10_000);
    expect(keeper.get(status.id)?.verdict).toBe("open");
    world.cluster.setAvailable(true);
    await pass(3_000);
    expect(keeper.get(status.id)).toMatchObject({ verdict: "failed", reason: "expired" });
  });

  test("for one who has cancelled and died, that it is cancelled", async () => {
    holdTime();
    const world = await World.open();
    const keeper = await world.broadcasts({ keeper: true });
    const { status } = await keeper.publish(DRAFT);
    const cancel = encodeBroadcastCancel("accounts", status.id);
    await world.log.append({ topic: world.topics.broadcast.name, partition: 0, ...cancel });
    await pass(1_000);
    expect(keeper.get(status.id)).toMatchObject({ verdict: "failed", reason: "cancelled" });
  });

  test("after a restart what nobody said meanwhile, and nothing before everything is known", async () => {
    holdTime();
    const world = await World.open();
    const old = broadcast({ expiresMs: Date.now() - 1 });
    const done = broadcast({ expiresMs: Date.now() - 1 });
    await world.put(old);
    await world.put(done);
    await world.say(...["0", "1", "2"].map((member) => acked(done.id, member)));
    const log = world.connect();
    const acksAreRead = Promise.withResolvers<void>();
    const slow: typeof log = {
      ...log,
      get available() {
        return log.available;
      },
      openReader: async (options) => {
        const reader = await log.openReader(options);
        const start: typeof reader.start = async (...of) => {
          await acksAreRead.promise;
          return reader.start(...of);
        };
        return { ...reader, start };
      },
    };
    const keeper = await world.broadcasts({ keeper: true, directory: await world.directory() }, slow);
    await pass(2_000);
    expect([keeper.size, said(world, "closed")]).toEqual([2, 0]);
    acksAreRead.resolve();
    await pass(1_000);
    expect(keeper.get(old.id)).toMatchObject({ verdict: "failed", reason: "expired" });
    expect(keeper.get(done.id)?.verdict).toBe("satisfied");
    expect(said(world, "closed")).toBe(1);
  });

  test("nothing any more when it is closed", async () => {
    holdTime();
    const world = await World.open();
    const keeper = await world.broadcasts({ keeper: true });
    await keeper.publish({ ...DRAFT, ttlMs: 1_000 });
    await keeper.close();
    await pass(3_000);
    expect(said(world, "closed")).toBe(0);
  });
});

test("of several keepers mostly one speaks, and the statuses agree", async () => {
  holdTime();
  const world = await World.open();
  const keepers = await Promise.all([1, 2, 3].map(() => world.broadcasts({ keeper: true })));
  const [first] = keepers;
  const ids: string[] = [];
  for (let i = 0; i < 10; i++) ids.push((await first?.publish({ ...DRAFT, ttlMs: 1_000 }))?.status.id ?? "");
  await pass(5_000);
  for (const id of ids) {
    expect(first?.get(id)?.verdict).toBe("failed");
    for (const keeper of keepers) expect(keeper.get(id)).toEqual(first?.get(id));
  }
  expect(said(world, "closed")).toBeGreaterThanOrEqual(10);
  expect(said(world, "closed")).toBeLessThan(30);
});

describe("a keeper that waits at random", () => {
  interface Parts {
    readonly random: number;
    readonly say: (word: KeeperWord) => Promise<void>;
    readonly aliveAs?: () => string | undefined;
  }

  function keeperOf(
    { random, say, aliveAs = () => undefined }: Parts,
    more: Partial<BroadcastEnvelope> = {},
  ) {
    holdTime();
    const known = new KnownBroadcasts({
      ...{ retentionMs: 60_000, maxKnown: 10, maxHeldBytes: 1_000, logger: undefined },
    });
    const coming = broadcast({ expiresMs: Date.now(), ...more });
    known.take(coming, 0);
    const keeper = new Keeper({
      ...{ known, state: { map: undefined }, say, logger: undefined, random: () => random },
      attendance: { aliveAs, quietMs: 0, sync: async () => {} },
    });
    onTestFinished(() => keeper.end());
    keeper.begin();
    return { known, id: coming.id };
  }

  test("says nothing when another has said it until then", async () => {
    const say = vi.fn(async () => {});
    const { known, id } = keeperOf({ random: 0.99, say });
    await pass(300);
    known.apply({ kind: "closed", id, atMs: 1, why: "expired" }, false);
    await pass(3_000);
    expect(say).not.toHaveBeenCalled();
  });

  test("waits anew when it was not needed meanwhile: nothing is kept of that (C7)", async () => {
    const say = vi.fn(async () => {});
    let alive: string | undefined = "a";
    const expected = [{ member: "pod-x", incarnation: "a" }];
    keeperOf({ random: 0.99, say, aliveAs: () => alive }, { expected, expiresMs: Date.now() + 60_000 });
    alive = undefined;
    await pass(250);
    alive = "a";
    await pass(5_000);
    alive = undefined;
    await pass(250);
    expect(say).not.toHaveBeenCalled();
    await pass(500);
    expect(say).toHaveBeenCalledTimes(1);
  });

  test("says it again when it failed, after a while, and once at a time", async () => {
    const say = vi.fn(async () => {
      throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away");
    });
    keeperOf({ random: 0, say });
    await pass(4_000);
    expect(say.mock.calls.length).toBeGreaterThanOrEqual(3);
    expect(say.mock.calls.length).toBeLessThanOrEqual(4);
    const hanging = vi.fn(() => new Promise<void>(() => {}));
    keeperOf({ random: 0, say: hanging });
    await pass(4_000);
    expect(hanging).toHaveBeenCalledTimes(1);
  });
});
