import type { Log } from "@shardcast/log";
import { lanesOf } from "@shardcast/routing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { fixedReplicas, type Planner, type ReplicaSource } from "../src/index.ts";
import { beat, ended, map, planner as plannerRecord } from "./support/records.ts";
import { HeldLog, holdTime, pass, passUntil, Replica, settle, World } from "./support/world.ts";

/** A number of replicas that the test changes. */
class Scale implements ReplicaSource {
  replicas: number | undefined;
  readonly listeners = new Set<() => void>();

  constructor(replicas: number | undefined) {
    this.replicas = replicas;
  }

  watch(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  to(replicas: number | undefined): void {
    this.replicas = replicas;
    for (const listener of this.listeners) listener();
  }
}

async function planning(planner: Planner): Promise<Planner> {
  await passUntil(() => planner.planning);
  await settle();
  return planner;
}

function lastMap(world: World) {
  const found = world.of("map").at(-1);
  if (found === undefined) throw new Error("no map");
  return found;
}

function countOf(world: World, ordinal: number): number {
  return lanesOf(lastMap(world), ordinal).length;
}

/** Three replicas that own what the first map gives them, and a planner. */
async function threeReplicas(more: { lanes?: number } = {}) {
  holdTime();
  const world = await World.open(more.lanes ?? 24);
  const scale = new Scale(3);
  const lanes = [...Array(world.topics.requests.partitions).keys()];
  const replicas = await Promise.all(
    [0, 1, 2].map((ordinal) =>
      Replica.start(
        world,
        ordinal,
        lanes.filter((lane) => lane % 3 === ordinal),
      ),
    ),
  );
  const [zero, one, two] = replicas as [Replica, Replica, Replica];
  const planner = await planning(await world.planner({ replicas: scale }));
  return { world, scale, planner, zero, one, two };
}

describe("of several planners", () => {
  test("one plans, and says so every second", async () => {
    holdTime();
    const world = await World.open();
    const planners = [];
    for (const holder of ["p", "q", "r"]) {
      planners.push(await world.planner({ replicas: fixedReplicas(3), holder }));
    }
    await pass(2_000);
    const working = planners.filter(({ planning }) => planning);
    expect(working).toHaveLength(1);
    expect(world.of("map")).toHaveLength(1);
    const { planner: holder } = (await world.directory()).state;
    const beats = () =>
      world.of("planner").filter(({ state, holder: of }) => state === "beat" && of === holder).length;
    const before = beats();
    await pass(10_000);
    expect(beats() - before).toBe(10);
    expect(planners.filter(({ planning }) => planning)).toEqual(working);
  });

  test("the next takes over at once when one leaves", async () => {
    holdTime();
    const world = await World.open();
    const first = await planning(await world.planner({ replicas: fixedReplicas(3), holder: "p" }));
    const second = await world.planner({ replicas: fixedReplicas(3), holder: "q" });
    await pass(2_000);
    expect(second.planning).toBe(false);
    await first.close();
    expect(world.of("planner").at(-1)).toEqual(plannerRecord("p", "left"));
    await pass(500);
    expect(second.planning).toBe(true);
  });

  test("the next takes over when one is silent, not before, and the silent one finds that out", async () => {
    holdTime();
    const world = await World.open();
    const held = new HeldLog(world.connect());
    const first = await planning(await world.planner({ replicas: fixedReplicas(3), holder: "p" }, held.log));
    const second = await world.planner({ replicas: fixedReplicas(3), holder: "q" });
    await pass(1_000);
    held.hold();
    await pass(2_000);
    expect(second.planning).toBe(false);
    await pass(2_000);
    expect(second.planning).toBe(true);
    expect(first.planning).toBe(true); // it can not know
    held.letGo();
    await pass(500);
    expect([first.planning, second.planning]).toEqual([false, true]);
  });

  test("a zombie can not write a map beside its successor's", async () => {
    holdTime();
    const world = await World.open();
    const held = new HeldLog(world.connect());
    const scale = new Scale(3);
    const zombie = await planning(await world.planner({ replicas: scale, holder: "zombie" }, held.log));
    const second = await world.planner({ replicas: fixedReplicas(3), holder: "q" });
    held.hold();
    await pass(5_000);
    expect([zombie.planning, second.planning]).toEqual([true, true]);
    const before = world.of("map").length;
    scale.to(2);
    await pass(500);
    expect(world.of("map")).toHaveLength(before);
    expect([zombie.planning, second.planning]).toEqual([false, true]);
  });

  test("what a planner beats that was replaced is no sign of life", async () => {
    holdTime();
    const world = await World.open();
    await world.append(plannerRecord("dead", "up"));
    const second = await world.planner({ replicas: fixedReplicas(3), holder: "q" });
    const zombie = setInterval(() => void world.append(plannerRecord("zombie", "beat")), 500);
    await pass(4_000);
    clearInterval(zombie);
    expect(second.planning).toBe(true);
  });

  test("nobody takes over because of an outage", async () => {
    holdTime();
    const world = await World.open();
    const first = await planning(await world.planner({ replicas: fixedReplicas(3), holder: "p" }));
    const second = await world.planner({ replicas: fixedReplicas(3), holder: "q" });
    // of many lengths: it must not matter where in its patience the candidate is when the log is back
    for (let outageMs = 8_000; outageMs < 12_000; outageMs += 300) {
      await pass(1_500);
      world.cluster.setAvailable(false);
      await pass(outageMs);
      world.cluster.setAvailable(true);
    }
    await pass(2_000);
    expect([first.planning, second.planning]).toEqual([true, false]);
    expect(world.of("planner").filter(({ state }) => state === "up")).toHaveLength(1);
  });

  test("nobody takes over because the log did not answer for a while, though nobody said so", async () => {
    holdTime();
    const world = await World.open();
    const held = new HeldLog(world.connect());
    const first = await planning(await world.planner({ replicas: fixedReplicas(3), holder: "p" }, held.log));
    const inner = world.connect();
    const answers = Promise.withResolvers<void>();
    let asked = 0;
    const mute: Log = {
      ...inner,
      rangesOf: async (topic) => {
        if (asked++ > 0) await answers.promise; // the first is for the opening
        return inner.rangesOf(topic);
      },
    };
    const second = await world.planner({ replicas: fixedReplicas(3), holder: "q" }, mute);
    held.hold();
    await pass(10_000);
    answers.resolve();
    held.letGo();
    await pass(3_000);
    expect(asked).toBe(2);
    expect([first.planning, second.planning]).toEqual([true, false]);
  });

  test("one whose session breaks plans again soon", async () => {
    holdTime();
    const world = await World.open();
    const inner = world.connect();
    let broken = false;
    const breaking: Log = {
      ...inner,
      get available() {
        return inner.available;
      },
      openSession: async (options) => {
        const session = await inner.openSession(options);
        const commit: typeof session.commit = async (work) =>
          broken ? { kind: "broken", cause: new Error("no answer") } : session.commit(work);
        return { ...session, commit, close: () => session.close() };
      },
    };
    const scale = new Scale(3);
    const planner = await planning(await world.planner({ replicas: scale }, breaking));
    broken = true;
    scale.to(4);
    await settle();
    expect(planner.planning).toBe(false);
    await pass(3_000);
    expect(planner.planning).toBe(false);
    broken = false;
    await pass(6_000);
    expect(planner.planning).toBe(true);
    expect(lastMap(world)).toMatchObject({ replicas: 4, epoch: 2 });
  });
});

describe("a planner", () => {
  test("publishes the first map at once, and that of P = R is the identity", async () => {
    holdTime();
    const world = await World.open(3);
    await planning(await world.planner({ replicas: fixedReplicas(3) }));
    expect(world.of("map")).toEqual([map(1, [0, 1, 2])]);
  });

  test("publishes nothing while nothing changes", async () => {
    const { world } = await threeReplicas();
    await pass(30_000);
    expect(world.of("map")).toHaveLength(1);
    expect(world.of("member").filter(({ state }) => state !== "up")).toEqual([]);
  });

  test.each([undefined, 0])("plans for nobody before it is known for how many (%s)", async (before) => {
    holdTime();
    const world = await World.open();
    const scale = new Scale(before);
    await planning(await world.planner({ replicas: scale }));
    await pass(5_000);
    expect(world.of("map")).toEqual([]);
    expect(world.logged.filter(({ msg }) => msg === "can not plan")).toEqual([]); // that is no fault
    scale.to(2);
    await settle();
    expect(lastMap(world)).toMatchObject({ epoch: 1, replicas: 2 });
  });

  test("goes on for as many as the last map says while it is not known for how many: the lost are replaced", async () => {
    const { world, planner, scale, two } = await threeReplicas();
    await planner.close();
    scale.to(undefined);
    await planning(await world.planner({ replicas: scale, holder: "during the outage" }));
    await pass(15_000);
    expect(world.of("map")).toHaveLength(1);
    two.silence();
    await pass(15_000);
    expect(lastMap(world)).toMatchObject({ epoch: 2, replicas: 3 });
    expect([0, 1, 2].map((ordinal) => countOf(world, ordinal))).toEqual([12, 12, 0]);
    expect((await world.directory()).state.lane(2)).toMatchObject({ kind: "released" });
  });

  test("scaled to 0 leaves every lane where it is while one replica after the other goes", async () => {
    const { world, scale, zero, one, two } = await threeReplicas();
    scale.to(0);
    for (const replica of [two, one, zero]) {
      replica.silence();
      await pass(15_000);
    }
    expect(world.of("map")).toHaveLength(1);
    expect(world.logged.filter(({ msg }) => msg === "can not plan")).toEqual([]);
    scale.to(3);
    await zero.comeUp("b");
    await pass(15_000);
    expect(countOf(world, 0)).toBe(24);
  });

  test("from 3 to 4 replicas moves 6 of 24 lanes, when the new one is there (C10)", async () => {
    const { world, scale } = await threeReplicas();
    await pass(15_000);
    const before = lastMap(world).lanes;
    scale.to(4);
    await pass(2_000);
    expect(lastMap(world)).toMatchObject({ replicas: 4, lanes: before });
    await Replica.start(world, 3);
    await settle();
    const after = lastMap(world).lanes;
    expect(after.filter((ordinal, lane) => ordinal !== before[lane])).toEqual([3, 3, 3, 3, 3, 3]);
  });

  test("does not give lanes to a replica that has not spoken yet, also right after it began", async () => {
    holdTime();
    const world = await World.open();
    const scale = new Scale(3);
    await planning(await world.planner({ replicas: scale }));
    scale.to(4);
    await pass(2_000);
    expect(countOf(world, 3)).toBe(0);
  });

  test("scaling down moves the lanes of who goes; who releases them is not fenced", async () => {
    const { world, scale, two } = await threeReplicas();
    scale.to(2);
    await settle();
    expect(lastMap(world).replicas).toBe(2);
    expect(countOf(world, 2)).toBe(0);
    await two.leave([2, 5, 8, 11, 14, 17, 20, 23]);
    await pass(15_000);
    expect(world.of("member").filter(({ state }) => state === "fenced")).toEqual([]);
  });

  test("fences who is beyond the replicas and silent, and still owns lanes", async () => {
    const { world, scale, two } = await threeReplicas();
    two.silence();
    scale.to(2);
    await pass(9_000);
    expect(world.of("member").filter(({ state }) => state === "fenced")).toEqual([]);
    await pass(4_000);
    expect(world.of("member").at(-1)).toEqual(ended("2", "fenced"));
    const { state } = await world.directory();
    expect(state.lane(2)).toMatchObject({ kind: "released" });
  });

  test("takes the topic's own map up where the planner before left it", async () => {
    holdTime();
    const world = await World.open(4);
    await world.append(map(7, [1, 1, 0, 0], 2));
    await planning(await world.planner({ replicas: fixedReplicas(2) }));
    await pass(2_000);
    expect(world.of("map")).toHaveLength(1);
  });

  test("plans a map of another number of lanes anew", async () => {
    holdTime();
    const world = await World.open(4);
    await world.append(map(7, [0, 1], 2));
    await planning(await world.planner({ replicas: fixedReplicas(2) }));
    expect(lastMap(world)).toEqual(map(8, [0, 1, 0, 1], 2));
  });

  test("does not pile up heartbeats that the log does not confirm", async () => {
    holdTime();
    const world = await World.open();
    const inner = world.connect();
    const answer = Promise.withResolvers<void>();
    let beats = 0;
    const log: Log = {
      ...inner,
      append: async (record) => {
        beats++;
        await answer.promise;
        return inner.append(record);
      },
    };
    await planning(await world.planner({ replicas: fixedReplicas(2) }, log));
    await pass(10_000);
    expect(beats).toBe(1);
    answer.resolve();
    await pass(3_000);
    expect(beats).toBeGreaterThan(2);
  });

  test("survives a source of nonsense", async () => {
    holdTime();
    const world = await World.open(4);
    const scale = new Scale(1.5);
    const planner = await planning(await world.planner({ replicas: scale }));
    await pass(1_000);
    expect(planner.planning).toBe(true);
    expect(world.of("map")).toEqual([]);
    scale.to(2);
    await settle();
    expect(world.of("map")).toHaveLength(1);
  });
});

describe("a silent member", () => {
  test("loses its lanes: first the map, then its session, and only after its lease the lanes are free (C2)", async () => {
    const { world, two } = await threeReplicas();
    two.silence();
    await passUntil(() => countOf(world, 2) === 0);
    await settle();
    const records = world.records();
    const moved = records.findIndex((record) => record.kind === "map" && record.epoch === 2);
    const fenced = records.findIndex((record) => record.kind === "member" && record.state === "fenced");
    expect(moved).toBeGreaterThan(0);
    expect(fenced).toBeGreaterThan(moved);
    expect(await world.commit(two.session)).toEqual({ kind: "fenced" });
    const { state } = await world.directory();
    await pass(1_400);
    expect(state.lane(2)).toMatchObject({ kind: "owned", member: "2" });
    await pass(200);
    expect(state.lane(2)).toMatchObject({ kind: "released", member: "2" });
    expect(world.marks().every((marks) => marks.length === 1)).toBe(true);
    await pass(20_000);
    expect(world.of("member").filter(({ state }) => state === "fenced")).toHaveLength(1); // once is enough
  });

  test("is not fenced while the map that moves its lanes is not on the log; that map is written once", async () => {
    holdTime();
    const world = await World.open();
    const inner = world.connect();
    const answer = Promise.withResolvers<void>();
    let slow = false;
    let maps = 0;
    const log: Log = {
      ...inner,
      openSession: async (options) => {
        const session = await inner.openSession(options);
        const commit: typeof session.commit = async (work) => {
          if (slow) {
            maps++;
            await answer.promise;
          }
          return session.commit(work);
        };
        return options.member === "@planner" ? { ...session, commit } : session;
      },
    };
    const [, , two] = await Promise.all([0, 1, 2].map((ordinal) => Replica.start(world, ordinal, [ordinal])));
    await planning(await world.planner({ replicas: fixedReplicas(3) }, log));
    slow = true;
    two?.silence();
    await pass(20_000);
    expect(world.of("map")).toHaveLength(1);
    expect(await world.commit((two as Replica).session)).toMatchObject({ kind: "committed" });
    answer.resolve();
    await pass(2_000);
    expect(maps).toBe(1);
    expect(world.of("member").at(-1)).toEqual(ended("2", "fenced"));
  });

  test("is one after reassignAfterMs, not before", async () => {
    const { world, two } = await threeReplicas();
    await pass(5_000);
    two.silence();
    await pass(8_900);
    expect(world.of("map")).toHaveLength(1);
    await pass(3_000);
    expect(countOf(world, 2)).toBe(0);
  });

  test("gets its lanes back when it comes up again, for P = R exactly its own", async () => {
    const { world, two } = await threeReplicas({ lanes: 3 });
    two.silence();
    await passUntil(() => countOf(world, 2) === 0);
    await pass(5_000);
    await two.comeUp("b");
    await settle();
    expect(lastMap(world).lanes).toEqual([0, 1, 2]);
  });

  test("that beats on after it was fenced is given nothing until it comes up anew", async () => {
    const { world, two } = await threeReplicas();
    two.silence();
    await passUntil(() => countOf(world, 2) === 0);
    await pass(3_000);
    const still = setInterval(() => void world.append(beat("2")), 1_000);
    await pass(20_000);
    clearInterval(still);
    expect(countOf(world, 2)).toBe(0);
  });

  test("that beats on in an incarnation that was replaced is silent all the same", async () => {
    const { world, two } = await threeReplicas();
    await two.comeUp("b");
    two.silence();
    const zombie = setInterval(() => void world.append(beat("2", "2a")), 1_000);
    await pass(13_000);
    clearInterval(zombie);
    expect(countOf(world, 2)).toBe(0);
  });

  test("that speaks again before it is fenced is not fenced any more", async () => {
    holdTime();
    const world = await World.open();
    const inner = world.connect();
    const opening = Promise.withResolvers<void>();
    let opened = 0;
    const log: Log = {
      ...inner,
      openSession: async (options) => {
        if (options.member === "2") {
          opened++;
          await opening.promise;
        }
        return inner.openSession(options);
      },
    };
    const [, , two] = await Promise.all([0, 1, 2].map((ordinal) => Replica.start(world, ordinal, [ordinal])));
    await planning(await world.planner({ replicas: fixedReplicas(3) }, log));
    two?.silence();
    await passUntil(() => opened > 0);
    two?.beat();
    await pass(1_500);
    opening.resolve();
    await pass(5_000);
    expect(countOf(world, 2)).toBe(8);
    expect(world.of("member").filter(({ state }) => state === "fenced")).toEqual([]);
  });

  test("that comes back while its lease is waited out is not robbed (C2)", async () => {
    const { world, two } = await threeReplicas();
    two.silence();
    await passUntil(() =>
      world.records().some((record) => record.kind === "member" && record.state === "fenced"),
    );
    await pass(500);
    await two.comeUp("b");
    await two.claim([2]);
    await pass(5_000);
    const { state } = await world.directory();
    expect(state.lane(2)).toMatchObject({ kind: "owned", incarnation: "2b" });
    expect(countOf(world, 2)).toBe(8);
  });

  test("that comes back slowly is not fenced again in the middle of its start, but when it has said nothing for as long as anybody may", async () => {
    const { world, two } = await threeReplicas();
    two.silence();
    await passUntil(() =>
      world.records().some((record) => record.kind === "member" && record.state === "fenced"),
    );
    await pass(500);
    // The first that a member does; that it is up it says last.
    const session = await world.session("2");
    await pass(9_000);
    expect(await world.commit(session)).toMatchObject({ kind: "committed" });
    const { state } = await world.directory();
    expect(state.lane(2)).toMatchObject({ kind: "owned", incarnation: "2a" });
    await pass(6_000);
    expect(await world.commit(session)).toEqual({ kind: "fenced" });
    expect(state.lane(2).kind).toBe("released");
  });

  test("and another one are fenced side by side", async () => {
    const { world, one, two } = await threeReplicas();
    one.silence();
    two.silence();
    await passUntil(() => countOf(world, 1) + countOf(world, 2) === 0);
    await pass(1_700);
    const { state } = await world.directory();
    expect([1, 2].map((lane) => state.lane(lane).kind)).toEqual(["released", "released"]);
    expect(lanesOf(lastMap(world), 0)).toHaveLength(24);
  });

  test("is fenced by the next planner, when the first died in the middle; and gets nothing back meanwhile", async () => {
    const { world, planner, two } = await threeReplicas();
    two.silence();
    await passUntil(() =>
      world.records().some((record) => record.kind === "member" && record.state === "fenced"),
    );
    await planner.close();
    const maps = world.of("map").length;
    await planning(await world.planner({ replicas: fixedReplicas(3) }));
    await pass(2_000);
    expect(world.of("map")).toHaveLength(maps);
    const { state } = await world.directory();
    expect(state.lane(2)).toMatchObject({ kind: "released" });
  });

  test("of which a planner before has only moved the lanes gets none back, and is fenced when its time is over", async () => {
    holdTime();
    const world = await World.open();
    const [, , two] = await Promise.all([0, 1, 2].map((ordinal) => Replica.start(world, ordinal, [ordinal])));
    two?.silence();
    const moved = Array.from({ length: 24 }, (_, lane) => lane % 2);
    await world.append(map(2, moved));
    await planning(await world.planner({ replicas: fixedReplicas(3) }));
    await pass(9_000);
    expect(world.of("map")).toHaveLength(1);
    expect(world.of("member").filter(({ state }) => state === "fenced")).toEqual([]);
    await pass(4_000);
    expect(world.of("member").at(-1)).toEqual(ended("2", "fenced"));
  });

  test("is not fenced when nobody lives who could take its lanes", async () => {
    const { world, zero, one, two } = await threeReplicas();
    for (const replica of [zero, one, two]) replica.silence();
    await pass(30_000);
    expect(world.of("map")).toHaveLength(1);
    expect(world.of("member").filter(({ state }) => state === "fenced")).toEqual([]);
  });

  test("that no planner ever heard has the time from the planner's beginning on", async () => {
    holdTime();
    const world = await World.open();
    await Replica.start(world, 0);
    await Replica.start(world, 1);
    await planning(await world.planner({ replicas: fixedReplicas(3) }));
    await pass(9_000);
    expect(countOf(world, 2)).toBe(8);
    await pass(4_000);
    expect(countOf(world, 2)).toBe(0);
  });

  test("is fenced again when that failed", async () => {
    holdTime();
    const world = await World.open();
    const inner = world.connect();
    let refusing = true;
    const log: Log = {
      ...inner,
      get available() {
        return inner.available;
      },
      openSession: (options) =>
        refusing && options.member === "2" ? Promise.reject(new Error("no")) : inner.openSession(options),
    };
    const [, , two] = await Promise.all([0, 1, 2].map((ordinal) => Replica.start(world, ordinal, [ordinal])));
    await planning(await world.planner({ replicas: fixedReplicas(3) }, log));
    two?.silence();
    await pass(20_000);
    const { state } = await world.directory();
    expect(state.lane(2).kind).toBe("owned");
    refusing = false;
    await pass(4_000);
    expect(state.lane(2).kind).toBe("released");
  });
});

test("an outage, however long, kills nobody, and afterwards everybody has the full time again", async () => {
  const { world, zero, one, two } = await threeReplicas();
  await pass(5_000);
  world.cluster.setAvailable(false);
  await pass(60_000);
  for (const replica of [zero, one, two]) replica.silence();
  world.cluster.setAvailable(true);
  await pass(9_000);
  expect(world.of("map")).toHaveLength(1);
  zero.beat();
  one.beat();
  await pass(5_000);
  expect(countOf(world, 2)).toBe(0);
});

test("a process that stood still for long has not heard the others, and fences none of them", async () => {
  holdTime();
  const world = await World.open();
  const held = new HeldLog(world.connect());
  await Promise.all([0, 1, 2].map((ordinal) => Replica.start(world, ordinal, [ordinal])));
  const planner = await planning(await world.planner({ replicas: fixedReplicas(3) }, held.log));
  held.hold();
  await pass(30_000);
  held.letGo();
  await pass(5_000);
  expect(planner.planning).toBe(true);
  expect(world.of("map")).toHaveLength(1);
});

test("a member that left moves nothing until reassignAfterMs: a rolling restart brings it back before", async () => {
  const { world, two } = await threeReplicas();
  const lanes = [2, 5, 8, 11, 14, 17, 20, 23];
  await two.leave(lanes);
  await pass(8_000);
  expect(world.of("map")).toHaveLength(1);
  await two.comeUp("b");
  await two.claim(lanes);
  await pass(20_000);
  expect(world.of("map")).toHaveLength(1);
  await two.leave(lanes);
  await pass(13_000);
  expect(countOf(world, 2)).toBe(0);
  expect(world.of("member").filter(({ state }) => state === "fenced")).toEqual([]);
});

describe("closing", () => {
  test("ends every timer and watch, once, however often it is asked for", async () => {
    const { world, planner, scale } = await threeReplicas();
    await Promise.all([planner.close(), planner.close()]);
    await planner.close();
    expect(planner.planning).toBe(false);
    expect(world.of("planner").filter(({ state }) => state === "left")).toHaveLength(1);
    expect(scale.listeners.size).toBe(0);
    const written = world.of("planner").length;
    await pass(10_000);
    expect(world.of("planner")).toHaveLength(written);
  });

  test("as a candidate leaves the planner alone", async () => {
    holdTime();
    const world = await World.open();
    const first = await planning(await world.planner({ replicas: fixedReplicas(3) }));
    const second = await world.planner({ replicas: fixedReplicas(3) });
    await second.close();
    expect(first.planning).toBe(true);
    await first.close();
    await pass(10_000);
    expect([first.planning, second.planning]).toEqual([false, false]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("in the middle of fencing somebody leaves that to the next planner", async () => {
    const { world, planner, two, zero, one } = await threeReplicas();
    two.silence();
    await passUntil(() =>
      world.records().some((record) => record.kind === "member" && record.state === "fenced"),
    );
    await planner.close();
    for (const replica of [zero, one]) replica.silence();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
    await pass(5_000);
    expect((await world.directory()).state.lane(2).kind).toBe("owned");
  });

  test("listens to nothing any more, wherever it stood", async () => {
    holdTime();
    const world = await World.open();
    let watchers = 0;
    const watched = async () => {
      const directory = await world.directory();
      const watch: typeof directory.watch = (listener) => {
        const unwatch = directory.watch(listener);
        watchers++;
        return () => {
          watchers--;
          unwatch();
        };
      };
      return { ...directory, watch };
    };
    const first = await planning(
      await world.planner({ replicas: fixedReplicas(3), directory: await watched() }),
    );
    const second = await world.planner({ replicas: fixedReplicas(3), directory: await watched() });
    expect(watchers).toBe(2);
    await first.close();
    await second.close();
    expect(watchers).toBe(0);
  });

  test("while it takes over comes to nothing, and leaves no session behind", async () => {
    holdTime();
    const world = await World.open();
    const inner = world.connect();
    const opening = Promise.withResolvers<void>();
    let open = 0;
    const log: Log = {
      ...inner,
      get available() {
        return inner.available;
      },
      openSession: async (options) => {
        open++;
        await opening.promise;
        const session = await inner.openSession(options);
        return { ...session, close: () => session.close().then(() => void open--) };
      },
    };
    const planner = await world.planner({ replicas: fixedReplicas(3) }, log);
    await pass(1_000);
    expect(open).toBe(1);
    await planner.close();
    opening.resolve();
    await pass(1_000);
    expect(open).toBe(0);
    expect(world.records()).toEqual([]);
  });

  test("takes no longer than a few seconds when the log does not answer", async () => {
    holdTime();
    const world = await World.open();
    const inner = world.connect();
    let answers = true;
    const log: Log = {
      ...inner,
      get available() {
        return inner.available;
      },
      openSession: async (options) => {
        const session = await inner.openSession(options);
        return { ...session, commit: (work) => (answers ? session.commit(work) : new Promise(() => {})) };
      },
    };
    const planner = await planning(await world.planner({ replicas: fixedReplicas(3) }, log));
    answers = false;
    let closed = 0;
    for (let times = 0; times < 2; times++) void planner.close().then(() => closed++);
    await pass(1_000);
    expect(closed).toBe(0);
    await pass(2_000);
    expect(closed).toBe(2);
  });

  test("during an outage, or after the log is closed, ends just so", async () => {
    const { world, planner } = await threeReplicas();
    world.cluster.setAvailable(false);
    await planner.close();
    world.cluster.setAvailable(true);
    const log = world.connect();
    const second = await planning(await world.planner({ replicas: fixedReplicas(3) }, log));
    await log.close();
    await pass(5_000);
    await second.close();
    expect(second.planning).toBe(false);
  });
});

describe("ephemeral members", () => {
  const here = (member: string) =>
    ({ kind: "beat", member, incarnation: `${member}-a`, ephemeral: true }) as const;
  const goneOnes = (world: World) => world.of("gone").map(({ member }) => member);

  test("C7: that died without a word are forgotten by the planner, once; those that beat are not", async () => {
    holdTime();
    const world = await World.open();
    await world.append(here("dead"), here("alive"));
    await planning(await world.planner({ replicas: fixedReplicas(1), forgetAfterMs: 30_000 }));
    const beats = setInterval(() => void world.append(here("alive")), 1_000);
    onTestFinished(() => clearInterval(beats));
    await pass(29_000);
    expect(goneOnes(world)).toEqual([]);
    await pass(3_000);
    expect(goneOnes(world)).toEqual(["dead"]);
    await pass(40_000);
    expect(goneOnes(world)).toEqual(["dead"]);
    const { state } = await world.directory();
    expect([...state.ephemerals()]).toEqual(["alive"]);
    await world.append(here("dead"));
    await pass(25_000);
    expect(goneOnes(world)).toEqual(["dead"]);
    await pass(8_000);
    expect(goneOnes(world)).toEqual(["dead", "dead"]);
  });

  test("C7: are not forgotten for a time in which the log was away", async () => {
    holdTime();
    const world = await World.open();
    await world.append(here("pod-x"));
    await planning(await world.planner({ replicas: fixedReplicas(1), forgetAfterMs: 30_000 }));
    await pass(20_000);
    world.cluster.setAvailable(false);
    await pass(60_000);
    world.cluster.setAvailable(true);
    await pass(20_000);
    expect(goneOnes(world)).toEqual([]);
    await pass(20_000);
    expect(goneOnes(world)).toEqual(["pod-x"]);
  });
});
