import { newRequestId, type RequestEnvelope } from "@shardcast/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { commitsThrough } from "./support/commits.ts";
import { Stage } from "./support/stage.ts";
import { quiet, REQUESTS, until, World } from "./support/world.ts";

const replyTo = { partition: 0, instance: "someone" };
const HOUR_MS = 3_600_000;

async function worldOf(options: Parameters<World["start"]>[0] = {}) {
  const world = await World.open();
  const stage = new Stage();
  const made = await world.start({ defaultHandler: stage.handler, ...options });
  return { world, stage, ...made };
}

function later(fields: Partial<RequestEnvelope> = {}) {
  return { id: newRequestId(0), notBeforeMs: Date.now() + HOUR_MS, ...fields };
}

/** What comes of a delay is a matter of the clock, which the test sets. */
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

test("C1: a request does not start before its time; meanwhile its key goes on, also without it", async () => {
  const { world, stage } = await worldOf();
  const soon = { notBeforeMs: Date.now() + 30, replyTo };
  await world.send("k", "first");
  const first = await stage.started(1);
  await world.send("k", "delayed", soon);
  await world.send("k", "third");
  first.end();
  const third = await stage.call("third");
  await world.committedAt(1);
  third.end();
  await world.committedAt(1, "bAQ");
  expect(stage.bodies).toEqual(["first", "third"]);
  vi.setSystemTime(soon.notBeforeMs - 1);
  await quiet();
  expect(stage.calls).toHaveLength(2);
  vi.setSystemTime(soon.notBeforeMs);
  (await stage.call("delayed")).end("answer");
  await until(() => expect(world.answers()).toMatchObject([{ status: 200 }]));
  await world.committedAt(3);
});

test("C1: when its time has come it waits for what runs of its key", async () => {
  const { world, stage } = await worldOf();
  const notBeforeMs = Date.now() + 10;
  await world.send("k", "delayed", { notBeforeMs });
  await world.send("k", "second");
  const second = await stage.started(1);
  vi.setSystemTime(notBeforeMs);
  await world.send("other", "third");
  await stage.call("third");
  await quiet();
  expect(stage.bodies).not.toContain("delayed");
  second.end();
  await stage.call("delayed");
});

test("C10: it is still to be done after a restart; one whose time has come runs in its place", async () => {
  const { world, stage, worker } = await worldOf();
  const notBeforeMs = Date.now() + HOUR_MS;
  await world.send("k", "delayed", { notBeforeMs });
  await world.send("k", "second");
  (await stage.started(1)).end();
  await world.committedAt(0, "bAQ");
  await worker.stop();
  const next = new Stage();
  await world.start({ defaultHandler: next.handler });
  await world.send("k", "third");
  (await next.started(1)).end();
  await world.committedAt(0, "bAw");
  expect(next.bodies).toEqual(["third"]);
  vi.setSystemTime(notBeforeMs);
  const last = new Stage();
  const { worker: second } = await world.start({ defaultHandler: last.handler });
  await world.send("k", "fourth");
  (await last.call("delayed")).end();
  (await last.call("fourth")).end();
  expect(last.bodies).toEqual(["delayed", "fourth"]);
  await world.committedAt(4);
  await second.stop();
});

test("C8: it expires when its deadline passes, though its time has not come", async () => {
  const { world, stage } = await worldOf();
  const deadlineMs = Date.now() + 20;
  await world.send("k", "delayed", later({ deadlineMs, replyTo, recording: "outcome" }));
  await quiet();
  expect(world.replies()).toEqual([]);
  vi.setSystemTime(deadlineMs + 1);
  await until(() => expect(world.answers()).toMatchObject([{ status: 504 }]));
  expect(world.ends()).toMatchObject([{ end: "expired" }]);
  expect(stage.calls).toEqual([]);
});

test("it can be cancelled while it waits", async () => {
  const { world, stage } = await worldOf();
  const victim = later({ replyTo, recording: "outcome" });
  await world.send("k", "delayed", victim);
  await world.send("k", "copy", victim);
  await quiet();
  await world.cancel(victim.id);
  await until(() => expect(world.answers()).toHaveLength(2));
  await world.committedAt(3);
  expect(stage.calls).toEqual([]);
});

test("C7: a queue full of them is made room in by putting some at the end again, as they were: the lane goes on", async () => {
  const { world, stage } = await worldOf({ maxQueued: 4 });
  const fields = { replyTo, recording: "outcome", headers: { "x-mine": "1" }, attempt: 3 } as const;
  for (let i = 0; i < 4; i++) await world.send(`k${i}`, `delayed${i}`, { ...later(), ...fields });
  await world.send("k0", "now");
  (await stage.started(1)).end();
  expect(stage.bodies).toEqual(["now"]);
  await until(() => expect(world.records(REQUESTS)).toHaveLength(7));
  const written = world.records(REQUESTS).map(({ offset: _, timestampMs: __, ...rest }) => rest);
  for (const copy of written.slice(5)) expect(written.slice(0, 4)).toContainEqual(copy);
  // Two that stay, two that went from below "now" to above it.
  await until(() => expect(world.committed()).toMatch(/^[0-2]:b/));
  expect(world.ends()).toEqual([]);
  expect(world.logged("at the end of the lane again")).toHaveLength(2);
});

test("a cancel that is written while its request is put at the end finds it there", async () => {
  const world = await World.open();
  const stage = new Stage();
  const victim = later({ replyTo, recording: "outcome" });
  let cancels = 0;
  const log = commitsThrough(world, async (work, session) => {
    if (work.records?.some(({ topic }) => topic === REQUESTS) && cancels++ === 0)
      await world.cancel(victim.id);
    return session.commit(work);
  });
  await world.send("k", "delayed", victim);
  await world.start({ log, maxQueued: 1, defaultHandler: stage.handler });
  await world.send("k", "now");
  (await stage.started(1)).end();
  await until(() => expect(world.answers()).toMatchObject([{ id: victim.id, status: 410 }]));
  expect(world.records(REQUESTS)[2]?.headers["sc-kind"]?.toString()).toBe("cancel");
  await world.committedAt(4);
  expect(world.ends()).toHaveLength(1);
  expect(stage.bodies).toEqual(["now"]);
});
