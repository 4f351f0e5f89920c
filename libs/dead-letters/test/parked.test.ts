import { newRequestId } from "@shardcast/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ParkingWorld } from "./support/parking.ts";

const LANE = { lane: 0 };

describe("a key whose request is exhausted, where the service parks (C9)", () => {
  test("runs nothing any more: what follows lies behind it in order, who waits is told, other keys go on", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/1");
    await world.send("k", 2);
    await world.send("k", 1, { replyTo: { partition: 0, instance: "me" } });
    const recorded = newRequestId(0);
    await world.send("k", 1, { id: recorded, recording: "outcome" });
    await world.send("other", 2);
    await world.start();
    await world.idle();
    expect(world.calls.filter((call) => call.startsWith("k/"))).toEqual(["k/1"]);
    expect(world.done("other")).toBe(2);
    expect(world.dead("k")).toEqual([
      "1 ATTEMPTS_EXHAUSTED parked",
      "2 KEY_PARKED parked",
      "3 KEY_PARKED parked",
      "4 KEY_PARKED parked",
    ]);
    expect(world.replies()).toMatchObject([{ status: 423, error: "SHARDCAST_KEY_PARKED" }]);
    expect(world.ends()).toMatchObject([{ id: recorded, end: "dead-lettered", status: 423 }]);
  });

  test("goes on in order when a redrive has sent all of it again", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/2");
    await world.send("k", 5);
    await world.start();
    await world.idle();
    world.failing.clear();
    const letters = await world.letters();
    const report = await letters.redrive({ key: Buffer.from("k") });
    expect(report).toMatchObject({ matched: 4, redriven: 4, skipped: {} });
    expect(report.parked).toBeUndefined();
    await world.send("k");
    await world.until(() => expect(world.done("k")).toBe(6));
    expect(world.faults).toEqual([]);
  });

  test("goes on where the service does not park", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/1");
    await world.send("k", 2);
    await world.start({ onExhausted: "continue" });
    await world.idle();
    expect(world.dead("k")).toEqual(["1 ATTEMPTS_EXHAUSTED"]);
    expect(world.calls).toEqual(["k/1", "k/2"]);
  });

  test("is parked under its next owner as well: after a crash, and after a move (C1, C10)", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/1");
    await world.send("k");
    const { kill } = await world.start();
    await world.until(() => expect(world.dead("k")).toHaveLength(1));
    await kill();
    await world.send("k");
    await world.start();
    await world.idle();
    await world.send("k");
    await world.start({ member: "1", replicas: 2, podUid: "q" });
    await world.publish(1, 1);
    await world.send("k");
    await world.idle();
    expect(world.calls).toEqual(["k/1"]);
    expect(world.dead("k").map((letter) => letter.slice(0, 1))).toEqual(["1", "2", "3", "4"]);
    world.failing.clear();
    expect(await (await world.letters()).redrive({ key: Buffer.from("k") })).toMatchObject({ redriven: 4 });
    await world.until(() => expect(world.done("k")).toBe(4));
    expect(world.faults).toEqual([]);
  });
});

test("C1: where the dead letters are read back late, a key waits for that, in its lane and at a take-over", async () => {
  const world = await new ParkingWorld().open();
  world.failing.add("k/1");
  await world.send("k", 3);
  const first = await world.start({ log: world.late() });
  await world.idle();
  await first.kill();
  world.failing.clear();
  await world.send("k");
  await world.start({ log: world.late() });
  await world.idle();
  expect(world.calls).toEqual(["k/1"]);
  const letters = await world.letters();
  expect(await letters.redrive({ key: Buffer.from("k") })).toMatchObject({ redriven: 4 });
  await world.send("k", 2);
  await world.until(() => expect(world.done("k")).toBe(6));
  expect(world.faults).toEqual([]);
});

test("C4 C9: letters that park are in the commit that counts their requests as done, each once", async () => {
  const world = await new ParkingWorld().open();
  world.failing.add("k/1");
  await world.send("k", 4);
  for (let crashes = 0; crashes < 4; crashes++) {
    const { kill } = await world.start();
    await world.until(() => expect(world.dead("k").length).toBeGreaterThan(crashes));
    await kill();
  }
  await world.start();
  await world.idle();
  expect(world.dead("k").map((letter) => letter.slice(0, 1))).toEqual(["1", "2", "3", "4"]);
});

describe("a redrive of a parked key keeps its order (C1)", () => {
  test("also when it fails again while new requests lie behind it, before those that had lain there", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/1").add("k/2");
    await world.send("k", 3);
    const first = await world.start();
    await world.idle();
    await first.kill();
    // On the lane before what is sent again, and seen by its owner after that was sent.
    await world.send("k", 2);
    world.failing.delete("k/1");
    const letters = await world.letters();
    expect(await letters.redrive(LANE)).toMatchObject({ redriven: 3 });
    await world.start();
    await world.idle();
    expect(world.dead("k").slice(3)).toEqual([
      "4 KEY_PARKED parked",
      "5 KEY_PARKED parked",
      "2 ATTEMPTS_EXHAUSTED parked",
      "3 KEY_PARKED parked",
    ]);
    world.failing.clear();
    expect(await letters.redrive({ key: Buffer.from("k") })).toMatchObject({ redriven: 4 });
    await world.send("k");
    await world.until(() => expect(world.done("k")).toBe(6));
    expect(world.faults).toEqual([]);
  });

  test("when the lane is taken over between what is sent again and what unparks the key", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/1");
    await world.send("k", 3);
    const first = await world.start();
    await world.idle();
    await first.kill();
    world.failing.clear();
    const letters = await world.letters();
    await letters.redrive(LANE);
    await world.send("k", 2);
    const hang = Promise.withResolvers<void>();
    const second = await world.start({
      defaultHandler: async (request) => {
        if (request.text() === "2") await hang.promise;
        return world.handle(request.key, Number(request.text()));
      },
    });
    await world.until(() => expect(world.done("k")).toBe(1));
    await second.kill();
    await world.start();
    await world.until(() => expect(world.done("k")).toBe(5));
    hang.resolve();
    expect(world.faults).toEqual([]);
    expect((await letters.list()).letters).toEqual([]);
  });

  test("while new requests come in all the time", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/1");
    await world.send("k", 10);
    await world.start();
    await world.idle();
    world.failing.clear();
    const letters = await world.letters();
    let sending = true;
    const traffic = (async () => {
      while (sending) {
        await world.send("k");
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 0; round < 3; round++) await letters.redrive({ key: Buffer.from("k") });
    sending = false;
    await traffic;
    await world.idle();
    const { parked } = await letters.redrive({ key: Buffer.from("k") });
    expect(parked).toBeUndefined();
    await world.until(() => expect(world.done("k")).toBe(world.sent("k")));
    expect(world.faults).toEqual([]);
  });

  test("letters behind one that stays are skipped with that reason; once it is discarded they go", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/2");
    const poison = newRequestId(0);
    await world.send("k");
    await world.send("k", 1, { id: poison });
    await world.send("k", 2);
    await world.start();
    await world.idle();
    const letters = await world.letters();
    const key = Buffer.from("k");
    const some = await letters.redrive({ key, code: "SHARDCAST_KEY_PARKED" });
    expect(some).toMatchObject({ redriven: 0, skipped: { "behind-parked": 2 }, parked: true });
    expect(await letters.redrive({ key, dryRun: true })).toMatchObject({ matched: 3, redriven: 3 });
    expect(await letters.discard({ ids: [poison] })).toMatchObject({ discarded: 1 });
    world.discarded("k", 2);
    expect(await letters.redrive({ key })).toMatchObject({ redriven: 2 });
    await world.send("k");
    await world.until(() => expect(world.done("k")).toBe(5));
    expect(world.faults).toEqual([]);
  });

  test("a limit sends the first ones and a cursor goes on; the key is unparked behind the last", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/1");
    await world.send("k", 5);
    await world.send("other");
    await world.start();
    await world.idle();
    world.failing.clear();
    const letters = await world.letters();
    const first = await letters.redrive({ ...LANE, limit: 2 });
    expect(first).toMatchObject({ redriven: 2, cursor: expect.any(String) });
    await world.idle();
    await world.send("k");
    await world.idle();
    expect(world.done("k")).toBe(2);
    await letters.redrive({ ...LANE, cursor: first.cursor as string });
    await letters.redrive({ key: Buffer.from("k") });
    await world.until(() => expect(world.done("k")).toBe(6));
    expect(world.faults).toEqual([]);
  });

  test("a key of which every letter is discarded is not parked any more", async () => {
    const world = await new ParkingWorld().open();
    world.failing.add("k/1");
    await world.send("k", 2);
    await world.start();
    await world.idle();
    const letters = await world.letters();
    expect(await letters.discard({ key: Buffer.from("k") })).toMatchObject({ discarded: 2 });
    world.discarded("k", 1, 2);
    await world.idle();
    await world.send("k");
    await world.until(() => expect(world.done("k")).toBe(3));
  });
});

test("C1 C9 C10: whatever fails, crashes, is sent and is redriven in whatever order, no request of a key starts before all those before it are done", async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), key: fc.constantFrom("a", "b") }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("break" as const), key: fc.constantFrom("a", "b") }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("mend" as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("redrive" as const), limit: fc.integer({ min: 1, max: 6 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const world = new ParkingWorld();
      await world.prepare();
      try {
        let running = await world.start();
        const letters = await world.letters();
        const again = { force: true, maxRedrives: 1_000_000 };
        for (const each of steps) {
          if (each.do === "send") await world.send(each.key, 2);
          else if (each.do === "break") world.failing.add(`${each.key}/${world.sent(each.key) + 1}`);
          else if (each.do === "mend") world.failing.clear();
          else if (each.do === "redrive") await letters.redrive({ ...LANE, ...again, limit: each.limit });
          else if (each.do === "wait") await world.idle();
          else {
            await running.kill();
            running = await world.start();
          }
        }
        world.failing.clear();
        for (const key of ["a", "b"]) {
          await world.idle();
          const { parked } = await letters.redrive({ ...again, key: Buffer.from(key) });
          expect(parked).toBeUndefined();
          await world.until(() => expect(world.done(key)).toBe(world.sent(key)));
        }
        expect(world.faults).toEqual([]);
      } finally {
        await world.close();
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);
