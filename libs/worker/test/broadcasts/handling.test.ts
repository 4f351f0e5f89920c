import { decodeBroadcast } from "@shardcast/protocol";
import { expect, test, vi } from "vitest";
import { attemptBroadcast } from "../../src/broadcasts/attempts.ts";
import { ReceivedBroadcast } from "../../src/broadcasts/received.ts";
import { encodeDoneAbove } from "../../src/execution/done-above.ts";
import {
  ANY_BROADCAST,
  type BroadcastHandler,
  type BroadcastSubscription,
  RetryableError,
  reply,
  TerminalError,
  type Worker,
} from "../../src/index.ts";
import {
  announce,
  BroadcastStage,
  cancelBroadcast,
  position,
  positionAt,
  word,
  words,
} from "../support/broadcasts.ts";
import { quiet, until, World } from "../support/world.ts";

const never = () => expect.unreachable("not for this one");

async function startWith(
  world: World,
  handler: BroadcastHandler,
  subscription: BroadcastSubscription = {},
  options: Parameters<World["worker"]>[0] = {},
): Promise<Worker> {
  const { worker } = world.worker(options);
  worker.onBroadcast("", handler, subscription);
  await worker.start();
  return worker;
}

test("a broadcast goes to the handler it names, else to the one for all others", async () => {
  const world = await World.open();
  const { worker } = world.worker();
  const heard: string[] = [];
  worker.onBroadcast("", ({ handler }) => void heard.push(`default:${handler}`));
  worker.onBroadcast("reload", ({ handler }) => void heard.push(`reload:${handler}`));
  worker.onBroadcast(ANY_BROADCAST, ({ handler }) => void heard.push(`any:${handler}`));
  await worker.start();
  for (const handler of ["reload", "", "other"]) await announce(world, "", { handler });
  await positionAt(world, 3);
  expect(heard).toEqual(["reload:reload", "default:", "any:other"]);
});

test("handlers are given before start(), once for each name, and as they can be", async () => {
  const world = await World.open();
  const { worker } = world.worker();
  const refuses = (call: () => void, fault: RegExp) => {
    expect(call).toThrow(expect.objectContaining({ code: "SHARDCAST_INVALID_CONFIG" }));
    expect(call).toThrow(fault);
  };
  worker.onBroadcast("reload", () => {});
  refuses(() => worker.onBroadcast("reload", () => {}), /"reload" has a handler already/);
  refuses(() => worker.onBroadcast("a\nb", () => {}), /not a handler name/);
  refuses(() => worker.onBroadcast("a", "b" as never), /not a function/);
  refuses(() => worker.onBroadcast("a", () => {}, { order: "any" as never }), /order of "a"/);
  refuses(() => worker.onBroadcast("a", () => {}, { after: "keys" as never }), /after of "a"/);
  refuses(() => worker.onBroadcast("a", () => {}, { maxAttempts: 0 }), /maxAttempts of "a"/);
  await worker.start();
  refuses(() => worker.onBroadcast("late", () => {}), /before start\(\)/);
});

test("a handler sees the broadcast as it was sent, and where it is", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  await startWith(world, stage.handler);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const sent = { headers: { "x-tenant": "a" }, contentType: "application/json", traceparent };
  const expiresMs = Date.now() + 600_000;
  const { id, offset } = await announce(world, '{"a":1}', { ...sent, expiresMs });
  const { message, context, end } = await stage.started(1);
  expect(message).toMatchObject({ id, handler: "", contentType: "application/json" });
  expect(message.headers).toEqual({ "x-tenant": "a" });
  expect(message.json()).toEqual({ a: 1 });
  expect(context).toMatchObject({ service: "accounts", member: "0", offset, attempt: 1, expected: true });
  expect(context).toMatchObject({ expiresMs, traceparent });
  expect(context.remainingMs()).toBeGreaterThan(0);
  context.logger.info("seen");
  expect(world.logged("seen")).toMatchObject([{ service: "accounts", member: "0", broadcastId: id }]);
  end(reply({ status: 201, headers: { "x-version": "7" }, body: "done" }));
  expect(await word(world, id)).toMatchObject({
    ...{ kind: "acked", status: 201, contentType: "text/plain; charset=utf-8" },
    ...{ headers: { "x-version": "7" }, body: Buffer.from("done") },
  });
});

test("ordered ones run one at a time in the order of the log, one that is tried again holds up those behind it", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  const { worker } = world.worker();
  worker.onBroadcast("a", stage.handler);
  worker.onBroadcast("b", stage.handler, { order: "ordered" });
  await worker.start();
  const first = await announce(world, "1", { handler: "a" });
  await announce(world, "2", { handler: "b" });
  (await stage.started(1)).fail(new Error("not yet"));
  const again = await stage.started(2);
  await quiet();
  expect(stage.bodies).toEqual(["1", "1"]);
  expect(again.context.attempt).toBe(2);
  again.end();
  await stage.started(3);
  expect(stage.bodies).toEqual(["1", "1", "2"]);
  expect(words(world, first.id)).toMatchObject([
    { kind: "retrying", attempt: 1, reason: "not yet" },
    { kind: "acked", attempt: 2 },
  ]);
});

test("C6: an ordered one begins when what came of the one before is on the log, so that a crash repeats them in order", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  await startWith(world, stage.handler);
  await announce(world, "1");
  await announce(world, "2");
  const first = await stage.started(1);
  await quiet();
  world.cluster.setAvailable(false);
  first.end();
  await quiet();
  expect(stage.bodies).toEqual(["1"]);
  world.cluster.setAvailable(true);
  await stage.started(2);
});

test("concurrent ones run side by side up to the limit, whatever the ordered ones do", async () => {
  const world = await World.open();
  const ordered = new BroadcastStage();
  const free = new BroadcastStage();
  const { worker } = world.worker({ broadcastConcurrency: 2 });
  worker.onBroadcast("", ordered.handler);
  worker.onBroadcast("free", free.handler, { order: "concurrent" });
  await worker.start();
  await announce(world, "ordered");
  for (const body of ["a", "b", "c"]) await announce(world, body, { handler: "free" });
  await ordered.started(1);
  const [, second] = [await free.started(1), await free.started(2)];
  await quiet();
  expect(free.bodies).toEqual(["a", "b"]);
  second?.end();
  await free.started(3);
  expect(free.bodies).toEqual(["a", "b", "c"]);
});

test("C6: what ends out of order is committed as such, and not repeated after a crash", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  const { worker, log } = world.worker();
  worker.onBroadcast("", stage.handler, { order: "concurrent" });
  await worker.start();
  for (const body of ["a", "b", "c"]) await announce(world, body);
  for (const n of [2, 3]) (await stage.started(n)).end();
  await until(() => expect(position(world)).toBe(`0:${encodeDoneAbove(0, [1, 2])}`));
  await log.close();
  const later = new BroadcastStage();
  await startWith(world, later.handler, { order: "concurrent" });
  (await later.started(1)).end();
  await positionAt(world, 3);
  expect(later.bodies).toEqual(["a"]);
});

test("a handler that fails at every attempt is given up, and said to have failed", async () => {
  const world = await World.open();
  const handler = vi.fn<BroadcastHandler>(() => Promise.reject(new Error("no disk")));
  await startWith(world, handler, {}, { maxAttempts: 3 });
  const { id, offset } = await announce(world, "");
  await positionAt(world, offset + 1);
  expect(words(world, id)).toMatchObject([
    { kind: "retrying", attempt: 1, reason: "no disk" },
    { kind: "retrying", attempt: 2 },
    { kind: "failed", code: "SHARDCAST_ATTEMPTS_EXHAUSTED", reason: "no disk", attempt: 3 },
  ]);
});

test("a subscription has attempts of its own, and a TerminalError ends them", async () => {
  const world = await World.open();
  const { worker } = world.worker({ maxAttempts: 5 });
  worker.onBroadcast("once", () => Promise.reject(new Error("no")), { maxAttempts: 1 });
  worker.onBroadcast("never", () => Promise.reject(new TerminalError("not here")));
  await worker.start();
  const once = await announce(world, "", { handler: "once" });
  const refused = await announce(world, "", { handler: "never" });
  await word(world, refused.id);
  expect(words(world, once.id)).toMatchObject([{ code: "SHARDCAST_ATTEMPTS_EXHAUSTED", attempt: 1 }]);
  expect(words(world, refused.id)).toMatchObject([
    { kind: "failed", code: "SHARDCAST_HANDLER_REFUSED", reason: "not here", attempt: 1 },
  ]);
});

test("C8: an attempt that could not start in time is not waited for, and nothing is said", async () => {
  const world = await World.open();
  const handler = vi.fn<BroadcastHandler>(() => {
    throw new RetryableError("later", { retryAfterMs: 10_000_000 });
  });
  await startWith(world, handler);
  const { id, offset } = await announce(world, "");
  await positionAt(world, offset + 1);
  expect(handler).toHaveBeenCalledTimes(1);
  expect(words(world, id)).toEqual([]);
});

test("a cancel ends the wait for the next attempt, and frees a place in the queue for a slot", async () => {
  const world = await World.open();
  const { worker } = world.worker({ broadcastConcurrency: 1, retryMinMs: 3_600_000, retryMaxMs: 3_600_000 });
  const stage = new BroadcastStage();
  worker.onBroadcast("", stage.handler, { order: "concurrent" });
  await worker.start();
  const expiresMs = Date.now() + 24 * 3_600_000;
  const retried = await announce(world, "retried", { expiresMs });
  (await stage.started(1)).fail(new Error("no"));
  await word(world, retried.id);
  await announce(world, "runs");
  const waits = await announce(world, "waits for the slot");
  const call = await stage.started(2);
  await cancelBroadcast(world, waits.id);
  await cancelBroadcast(world, retried.id);
  await until(() => expect(position(world)).toBe(`1:${encodeDoneAbove(1, [2, 3, 4])}`));
  call.end();
  await positionAt(world, 5);
  expect(stage.bodies).toEqual(["retried", "runs"]);
});

test("C6: a stop between two attempts leaves the broadcast to the next process", async () => {
  const world = await World.open();
  const failing = vi.fn<BroadcastHandler>(() => Promise.reject(new Error("no")));
  const long = { retryMinMs: 600_000, retryMaxMs: 600_000 };
  const worker = await startWith(world, failing, {}, long);
  const { id, offset } = await announce(world, "");
  await word(world, id);
  await worker.stop();
  await startWith(world, () => {});
  await positionAt(world, offset + 1);
  expect(words(world, id)).toMatchObject([{ kind: "retrying" }, { kind: "acked", attempt: 1 }]);
});

test("C6: a broadcast of no member's is acted on, and no words are made about it", async () => {
  const world = await World.open();
  const { worker } = world.worker();
  worker.onBroadcast("", never);
  worker.onBroadcast("x", (_, { expected }) => expect(expected).toBe(false));
  await worker.start();
  const { id, offset } = await announce(world, "", { handler: "x", expected: [{ member: "01" }] });
  await positionAt(world, offset + 1);
  expect(words(world, id)).toEqual([]);
});

test("an attempt is told to have ended, whatever came of it, so that nobody says it runs", async () => {
  const world = await World.open();
  const running = new Set<number>();
  const news = {
    started: (attempt: number) => {
      running.add(attempt);
      return () => void running.delete(attempt);
    },
    failed: () => expect(running.size).toBe(0),
  };
  const { signal } = new AbortController();
  const scope = { service: "accounts", member: "0", halted: signal, signal, logger: world.logger };
  const results = [() => Promise.reject(new Error("no")), () => "yes"];
  const handler = vi.fn<BroadcastHandler>(() => {
    expect(running.size).toBe(1);
    return results.shift()?.();
  });
  const { id, offset } = await announce(world, "");
  const [record] = world.records("accounts.broadcast");
  const decoded = decodeBroadcast(record ?? expect.unreachable(), "accounts");
  if (decoded.kind !== "broadcast") return expect.unreachable(id);
  const policy = { maxAttempts: 2, retryMinMs: 1, retryMaxMs: 1 };
  const received = new ReceivedBroadcast(offset, decoded.broadcast);
  const attempts = { scope, policy, slots: undefined, expected: true, news };
  expect(await attemptBroadcast(handler, received, attempts)).toMatchObject({ kind: "acked", attempts: 2 });
  expect(running.size).toBe(0);
});
