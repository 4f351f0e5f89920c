import { expect, onTestFinished, test } from "vitest";
import { Attendance } from "../src/index.ts";
import { beat, planner } from "./support/records.ts";
import { settle, World } from "./support/world.ts";

function here(member: string, incarnation = `${member}a`) {
  return { kind: "beat", member, incarnation, ephemeral: true } as const;
}

/** An attendance whose clock the test moves; nobody beats by himself. */
async function attending(...known: string[]) {
  const world = await World.open();
  await world.append(...known.map((member) => here(member)));
  const directory = await world.directory();
  let nowMs = 50_000;
  const attendance = new Attendance(directory, { nowMs: () => nowMs });
  onTestFinished(() => attendance.close());
  return {
    world,
    attendance,
    /** Time goes by, and then something comes. */
    async after(ms: number, ...records: Parameters<World["append"]>) {
      nowMs += ms;
      await world.append(...records);
      await settle();
    },
    async syncedAfter(ms: number) {
      nowMs += ms;
      await attendance.sync();
    },
    alive: () => attendance.alive().sort(),
  };
}

const PLANNER = planner("p", "beat");

test("C6: an ephemeral member is alive while it is heard, by its incarnation, and not when it is silent for silentMs", async () => {
  const { attendance, after, alive } = await attending();
  await after(0, here("x"), here("y"), beat("0"));
  expect(alive()).toEqual(["x", "y"]);
  for (let beats = 0; beats < 4; beats++) await after(1_000, here("y", "yb"));
  expect(alive()).toEqual(["x", "y"]);
  expect([attendance.aliveAs("x"), attendance.aliveAs("y")]).toEqual(["xa", "yb"]);
  await after(1_000, here("y", "yb"));
  expect(alive()).toEqual(["y"]);
  expect([attendance.aliveAs("x"), attendance.aliveAs("0")]).toEqual([undefined, undefined]);
  await after(1_000, here("x"));
  expect(alive()).toEqual(["x", "y"]);
});

test("C6: who was known before has the full time from the beginning on", async () => {
  const { after, alive } = await attending("x");
  for (let beats = 0; beats < 4; beats++) await after(1_000, PLANNER);
  expect(alive()).toEqual(["x"]);
  await after(1_000, PLANNER);
  expect(alive()).toEqual([]);
});

test("C6: who has left is not there, and is again when it beats", async () => {
  const { after, alive } = await attending("x", "y");
  await after(10, { kind: "gone", member: "x" });
  expect(alive()).toEqual(["y"]);
  await after(10, here("x"));
  expect(alive()).toEqual(["x", "y"]);
});

test("C6: time in which nothing at all came counts against nobody: whoever was alive has the full time again", async () => {
  const { after, alive } = await attending("x", "y");
  for (let beats = 0; beats < 5; beats++) await after(1_000, here("y"));
  expect(alive()).toEqual(["y"]);
  await after(3_600_000, PLANNER);
  expect(alive()).toEqual(["y"]); // x was silent before
  for (let beats = 0; beats < 4; beats++) await after(1_000, PLANNER);
  expect(alive()).toEqual(["y"]);
  await after(1_000, PLANNER);
  expect(alive()).toEqual([]);
});

test("C6: a directory that was read to its end has spoken: silence counts also where nobody else is", async () => {
  const { syncedAfter, alive, attendance } = await attending("x");
  for (let asked = 0; asked < 4; asked++) await syncedAfter(1_000);
  expect(alive()).toEqual(["x"]);
  expect(attendance.quietMs).toBe(0);
  await syncedAfter(1_000);
  expect(alive()).toEqual([]);
});

test("a directory that can not be read has not spoken", async () => {
  const { world, syncedAfter, alive } = await attending("x");
  world.cluster.setAvailable(false);
  for (let asked = 0; asked < 6; asked++) await syncedAfter(1_000).catch(() => undefined);
  world.cluster.setAvailable(true);
  await syncedAfter(1_000);
  expect(alive()).toEqual(["x"]);
});

test("closed, it listens no more", async () => {
  const { attendance, after, alive } = await attending();
  attendance.close();
  attendance.close();
  await after(10, here("x"));
  expect(alive()).toEqual([]);
});
