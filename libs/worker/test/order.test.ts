import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeDoneAbove } from "../src/execution/done-above.ts";
import { Stage } from "./support/stage.ts";
import { quiet, World } from "./support/world.ts";

test("C1: records of a key are handled one at a time and in log order, whatever order the calls end in", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(6), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      fc.infiniteStream(fc.nat()),
      async (keys, concurrency, picks) => {
        const world = await World.open();
        const sent = new Map<string, string[]>();
        for (const [n, key] of keys.entries()) {
          await world.send(`k${key}`, `${n}`);
          sent.set(`k${key}`, [...(sent.get(`k${key}`) ?? []), `${n}`]);
        }
        const handled = new Map<string, string[]>();
        const running = new Set<string>();
        const endings: (() => void)[] = [];
        let most = 0;
        const { worker, log } = await world.start({
          concurrency,
          defaultHandler: async (request) => {
            expect(running.has(request.key)).toBe(false);
            running.add(request.key);
            most = Math.max(most, running.size);
            handled.set(request.key, [...(handled.get(request.key) ?? []), request.text()]);
            await new Promise<void>((resolve) => endings.push(resolve));
            running.delete(request.key);
          },
        });
        for (const pick of picks) {
          await quiet();
          if (endings.length === 0) break;
          endings.splice(pick % endings.length, 1)[0]?.();
        }
        expect(handled).toEqual(sent);
        expect(most).toBe(Math.min(concurrency, sent.size));
        await worker.stop();
        expect(world.committed()).toBe(`${keys.length}:`);
        await log.close();
      },
    ),
    { numRuns: 25 },
  );
});

test("no more handlers run at once than the concurrency allows, and each that ends lets the next begin", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ concurrency: 2, defaultHandler: stage.handler });
  for (const key of ["a", "b", "c", "d"]) await world.send(key, key);
  const second = await stage.started(2);
  await quiet();
  expect(stage.bodies).toEqual(["a", "b"]);
  second.end();
  await stage.started(3);
  await quiet();
  expect(stage.bodies).toEqual(["a", "b", "c"]);
});

test("C9: a key that fails and waits for its next attempt holds back neither other keys nor a slot", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({
    concurrency: 1,
    retryMinMs: 3_600_000,
    retryMaxMs: 3_600_000,
    defaultHandler: stage.handler,
  });
  for (const [key, body] of [
    ["bad", "bad1"],
    ["bad", "bad2"],
    ["good", "good1"],
    ["good", "good2"],
  ] as const)
    await world.send(key, body);
  (await stage.call("bad1")).fail(new Error("not now"));
  (await stage.call("good1")).end();
  (await stage.call("good2")).end();
  await world.committedAt(0, encodeDoneAbove(0, [2, 3]));
  expect(stage.bodies).toEqual(["bad1", "good1", "good2"]);
});

test("lanes of one member run side by side, each with slots of its own", async () => {
  const world = await World.open({ replicas: 2 });
  const [zero, one] = [new Stage(), new Stage()];
  await world.start({ member: 0, concurrency: 1, defaultHandler: zero.handler });
  await world.start({ member: 1, concurrency: 1, defaultHandler: one.handler });
  await world.send("a", "lane 0", {}, 0);
  await world.send("b", "lane 1", {}, 1);
  expect((await zero.started(1)).context).toMatchObject({ lane: 0, member: "0", offset: 0 });
  expect((await one.started(1)).context).toMatchObject({ lane: 1, member: "1", offset: 0 });
});
