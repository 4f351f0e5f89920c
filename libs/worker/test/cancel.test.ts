import { newRequestId, type RequestEnvelope } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { RetryableError } from "../src/index.ts";
import { Stage } from "./support/stage.ts";
import { DEAD, quiet, until, World } from "./support/world.ts";

const replyTo = { partition: 0, instance: "someone" };
const GONE = { status: 410, error: "SHARDCAST_CANCELLED" };

function request(fields: Partial<RequestEnvelope> = {}) {
  return { id: newRequestId(0), replyTo, recording: "outcome" as const, ...fields };
}

async function worldOf(options: Parameters<World["start"]>[0] = {}) {
  const world = await World.open();
  const stage = new Stage();
  const made = await world.start({ defaultHandler: stage.handler, ...options });
  return { world, stage, ...made };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

test("C3: a request that waits behind its key is cancelled at once, and does not start", async () => {
  const { world, stage } = await worldOf();
  const victim = request();
  await world.send("k", "first");
  const first = await stage.started(1);
  await world.send("k", "second", victim);
  await world.send("k", "third");
  await world.cancel(victim.id);
  await until(() => expect(world.answers()).toMatchObject([{ id: victim.id, ...GONE }]));
  expect(world.ends()).toMatchObject([{ id: victim.id, end: "cancelled", attempts: 0, ...GONE }]);
  expect(world.ends()[0]?.body).toEqual(world.answers()[0]?.body);
  first.end();
  (await stage.call("third")).end();
  await world.committedAt(4);
  expect(stage.bodies).toEqual(["first", "third"]);
});

test("what is not recorded can be cancelled too; nobody who waits is told, and it is no dead letter", async () => {
  const { world, stage } = await worldOf();
  const id = newRequestId(0);
  await world.send("k", "first");
  const first = await stage.started(1);
  await world.send("k", "second", { id });
  await world.cancel(id);
  await world.committedAt(0, "bAw");
  first.end();
  await world.committedAt(3);
  expect(stage.calls).toHaveLength(1);
  expect(world.replies()).toEqual([]);
  expect(world.ends()).toEqual([]);
  expect(world.records(DEAD)).toEqual([]);
});

test("the signal of a running handler fires; what it throws then ends the request, without another attempt", async () => {
  const { world, stage } = await worldOf({ maxAttempts: 5 });
  const victim = request();
  await world.send("k", "first", victim);
  await world.send("other", "second", { replyTo });
  const call = await stage.call("first");
  const other = await stage.call("second");
  const { signal } = call.context;
  await world.cancel(victim.id);
  await aborted(signal);
  expect(signal.reason).toMatchObject({ code: "SHARDCAST_CANCELLED" });
  expect(other.context.signal.aborted).toBe(false);
  expect(world.committed()).not.toBe("3:");
  call.fail(signal.reason);
  await until(() => expect(world.answers()).toMatchObject([{ id: victim.id, ...GONE }]));
  expect(world.ends()).toMatchObject([{ end: "cancelled", attempts: 1 }]);
  other.end();
  await world.committedAt(3);
  expect(stage.calls).toHaveLength(2);
});

test("C3: a handler that returns all the same has replied; asked for late, its signal has fired", async () => {
  const { world, stage } = await worldOf();
  const victim = request();
  await world.send("k", "first", victim);
  const call = await stage.started(1);
  await world.cancel(victim.id);
  await quiet();
  expect(call.context.signal.aborted).toBe(true);
  call.end("done already");
  await until(() => expect(world.answers()).toMatchObject([{ status: 200 }]));
  expect(world.ends()).toMatchObject([{ end: "replied" }]);
  await world.committedAt(2);
});

test("a request that waits for its next attempt is cancelled at once", async () => {
  const { world, stage } = await worldOf();
  const victim = request();
  await world.send("k", "first", victim);
  (await stage.started(1)).fail(new RetryableError("later", { retryAfterMs: 3_600_000 }));
  await until(() => expect(world.logged("handler failed")).toHaveLength(1));
  await world.cancel(victim.id);
  await until(() => expect(world.answers()).toMatchObject([GONE]));
  expect(world.ends()).toMatchObject([{ end: "cancelled", attempts: 1 }]);
});

test("a request that waits for a slot of its lane is cancelled at once", async () => {
  const { world, stage } = await worldOf({ concurrency: 1 });
  const victim = request();
  await world.send("a", "first");
  const first = await stage.started(1);
  await world.send("b", "second", victim);
  await quiet();
  await world.cancel(victim.id);
  await until(() => expect(world.answers()).toMatchObject([GONE]));
  first.end();
  await world.committedAt(3);
  expect(stage.calls).toHaveLength(1);
});

test("C7: a cancel has effect when it is read, though its request is still in the backlog", async () => {
  const { world, stage } = await worldOf({ maxQueued: 1 });
  const victim = request();
  await world.send("a", "first");
  const first = await stage.started(1);
  await world.send("b", "second", victim);
  await world.cancel(victim.id);
  await quiet();
  first.end();
  await until(() => expect(world.answers()).toMatchObject([GONE]));
  await world.committedAt(3);
  expect(stage.calls).toHaveLength(1);
});

test("C7: a cancel has effect when it is read, though itself is still in the backlog", async () => {
  const { world, stage } = await worldOf({ maxQueued: 1 });
  const victim = request();
  await world.send("a", "first", victim);
  const call = await stage.started(1);
  await world.send("b", "second");
  await world.cancel(victim.id);
  await aborted(call.context.signal);
  call.fail(new Error("stopped"));
  await until(() => expect(world.answers()).toMatchObject([GONE]));
  (await stage.call("second")).end();
  await world.committedAt(3);
});

test("a cancel of what has ended, or is not here, is done at once and changes nothing", async () => {
  const { world, stage } = await worldOf();
  const ended = request();
  await world.send("k", "first", ended);
  (await stage.started(1)).end("answer");
  await until(() => expect(world.replies()).toHaveLength(1));
  await world.cancel(ended.id);
  await world.cancel(newRequestId(0));
  await world.committedAt(3);
  await world.send("k", "first", ended);
  await until(() => expect(world.replies()).toHaveLength(2));
  expect(world.answers()[1]?.status).toBe(200);
  expect(world.ends()).toHaveLength(1);
});

test("C3: a cancel is done only when its request has ended: the next owner sees it again", async () => {
  const { world, stage, worker, log } = await worldOf({ podUid: "p" });
  const victim = request();
  await world.send("k", "first", victim);
  await world.send("other", "second");
  const call = await stage.call("first");
  (await stage.call("second")).end();
  await world.cancel(victim.id);
  await aborted(call.context.signal);
  await world.committedAt(0, "bAQ");
  await log.close();
  void worker.stop();
  const next = new Stage();
  await world.start({ podUid: "p", defaultHandler: next.handler });
  // Read in one go, so before the handler could start.
  await until(() => expect(world.ends()).toMatchObject([{ end: "cancelled" }]));
  await world.committedAt(3);
  expect(next.calls.length).toBeLessThanOrEqual(1);
});

test("C5: who repeats a cancelled request gets that; what he sends behind the cancel is not stopped by it", async () => {
  const { world, stage } = await worldOf();
  const victim = request();
  await world.send("k", "first");
  const first = await stage.started(1);
  await world.send("k", "again", victim);
  await world.send("k", "again", victim);
  await world.cancel(victim.id);
  await world.send("k", "again", victim);
  await until(() => expect(world.answers()).toHaveLength(1));
  first.end();
  await until(() => expect(world.answers()).toMatchObject([GONE, GONE, GONE]));
  await world.committedAt(5);
  expect(world.ends()).toHaveLength(1);
  expect(stage.calls).toHaveLength(1);
});

test("C2: the signal of a handler fires when the lane is lost, cancelled or not", async () => {
  const { world, stage } = await worldOf({ podUid: "p" });
  await world.send("k", "first");
  const { signal } = (await stage.started(1)).context;
  world.cluster.nextEpoch("accounts", "0");
  void world.start({ podUid: "p" }).catch(() => {});
  await aborted(signal);
  expect(signal.reason).toMatchObject({ code: "SHARDCAST_FENCED" });
});
