import { createMemoryLog } from "@shardcast/log/memory";
import { ShardcastError } from "@shardcast/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import {
  type BroadcastHandler,
  createSubscriber,
  type Subscriber,
  type SubscriberOptions,
} from "../../src/index.ts";
import { ackRecords, announce, BROADCAST, BroadcastStage, word, words } from "../support/broadcasts.ts";
import { CONTROL, quiet, SERVICE, until, World } from "../support/world.ts";

function make(world: World, options: Partial<SubscriberOptions> = {}): Subscriber {
  const log = options.log ?? createMemoryLog({ cluster: world.cluster });
  const { logger } = world;
  const quick = { retryMinMs: 1, retryMaxMs: 2 };
  const made = createSubscriber({ service: SERVICE, member: "web-x", logger, ...quick, ...options, log }, {});
  onTestFinished(async () => {
    await log.close();
    void made.stop();
  });
  return made;
}

async function start(world: World, handler: BroadcastHandler, options: Partial<SubscriberOptions> = {}) {
  const made = make(world, options);
  made.onBroadcast("", handler);
  await made.start();
  return made;
}

function beats(world: World) {
  return world.controlRecords().filter((each) => each.kind === "beat");
}

function incarnationOf(world: World): string {
  return beats(world).at(-1)?.incarnation ?? expect.unreachable("nobody has spoken");
}

test("C6: it says that it lives, acts on what expects its incarnation, and its words carry it", async () => {
  const world = await World.open();
  const started = start(world, () => "heard");
  await started;
  const incarnation = incarnationOf(world);
  expect(beats(world)).toMatchObject([{ member: "web-x", incarnation, ephemeral: true }]);
  const { id } = await announce(world, "", { expected: [{ member: "web-x", incarnation }] });
  expect(await word(world, id)).toMatchObject({ kind: "acked", author: { member: "web-x", incarnation } });
  expect(ackRecords(world).filter(({ kind }) => kind === "joined")).toEqual([]);
});

test("C6: it reads before it says that it lives, so that nothing which expects it is missed", async () => {
  const world = await World.open();
  const log = createMemoryLog({ cluster: world.cluster });
  let atBeat: { id: string } | undefined;
  const watched: typeof log = {
    ...log,
    get available() {
      return log.available;
    },
    append: async (record) => {
      const appended = await log.append(record);
      // Whoever sees the beat publishes at once.
      if (record.topic === CONTROL && atBeat === undefined) {
        atBeat = { id: "" };
        atBeat = await announce(world, "", {
          expected: [{ member: "web-x", incarnation: incarnationOf(world) }],
        });
      }
      return appended;
    },
  };
  await start(world, () => {}, { log: watched });
  await until(() => expect(atBeat?.id).not.toBe(""));
  expect(await word(world, atBeat?.id ?? "")).toMatchObject({ kind: "acked" });
});

test("C6: another incarnation is another member, whose broadcasts it acts on without a word", async () => {
  const world = await World.open();
  const expected: boolean[] = [];
  const first = await start(world, () => {});
  const old = incarnationOf(world);
  await first.stop();
  await start(world, (_, context) => void expected.push(context.expected));
  expect(incarnationOf(world)).not.toBe(old);
  const { id } = await announce(world, "", { expected: [{ member: "web-x", incarnation: old }] });
  await announce(world, "", {
    targeted: true,
    expected: [{ member: "web-x" }, { member: "web-x", incarnation: old }],
  });
  const mine = await announce(world, "", {
    expected: [{ member: "web-x", incarnation: incarnationOf(world) }],
  });
  await word(world, mine.id);
  expect(words(world, id)).toEqual([]);
  expect(expected).toEqual([false, true]);
});

test("what was sent before it started is not its own; with catchUp ttl it acts on what is still alive", async () => {
  const world = await World.open();
  await announce(world, "old");
  await announce(world, "over", { expiresMs: Date.now() - 1 });
  const later = new BroadcastStage();
  await start(world, later.handler, { member: "later" });
  const all = new BroadcastStage();
  await start(world, all.handler, { member: "all", catchUp: "ttl" });
  await announce(world, "new");
  (await all.started(1)).end();
  await all.started(2);
  await later.started(1);
  expect([later.bodies, all.bodies]).toEqual([["new"], ["old", "new"]]);
});

test("it says every second that it lives, and that it is gone when what runs has ended", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const world = await World.open();
  const stage = new BroadcastStage();
  const made = await start(world, stage.handler);
  vi.advanceTimersByTime(2_000);
  expect(beats(world)).toHaveLength(3);
  const incarnation = incarnationOf(world);
  const { id } = await announce(world, "", { expected: [{ member: "web-x", incarnation }] });
  const call = await stage.started(1);
  const stopped = made.stop();
  expect(made.stop()).toEqual(stopped);
  await announce(world, "not begun any more");
  await quiet();
  expect(world.controlRecords().at(-1)).toMatchObject({ kind: "beat" });
  call.end();
  await stopped;
  await made.ended;
  expect(await word(world, id)).toMatchObject({ kind: "acked" });
  expect(world.controlRecords().at(-1)).toEqual({ kind: "gone", member: "web-x" });
  vi.advanceTimersByTime(5_000);
  expect(beats(world)).toHaveLength(3);
  expect(stage.calls).toHaveLength(1);
});

test("what does not finish within the grace time is told by its signal, and not acknowledged", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  const made = await start(world, stage.handler, { graceMs: 1 });
  const { id } = await announce(world, "", {
    expected: [{ member: "web-x", incarnation: incarnationOf(world) }],
  });
  const call = await stage.started(1);
  await made.stop();
  expect(call.context.signal.aborted).toBe(true);
  call.end();
  await quiet();
  expect(words(world, id)).toEqual([]);
});

test("a start waits while the log is away, may be tried again when it failed, and ends with a stop", async () => {
  const world = await World.open();
  world.cluster.setAvailable(false);
  const made = make(world);
  made.onBroadcast("", () => {});
  const started = made.start();
  const same = made.start();
  await quiet();
  world.cluster.setAvailable(true);
  await Promise.all([started, same]);
  await made.start(); // has been
  const connection = createMemoryLog({ cluster: world.cluster });
  let fits = false;
  const log: typeof connection = {
    ...connection,
    get available() {
      return connection.available;
    },
    ensureTopics: async (specs) => {
      if (!fits) throw new ShardcastError("SHARDCAST_TOPIC_MISMATCH", "2 partitions, wanted 1");
      await connection.ensureTopics(specs);
    },
  };
  const refused = make(world, { log });
  refused.onBroadcast("", () => {});
  await expect(refused.start()).rejects.toMatchObject({ code: "SHARDCAST_TOPIC_MISMATCH" });
  fits = true;
  await refused.start();
  world.cluster.setAvailable(false);
  const waiting = make(world);
  waiting.onBroadcast("", () => {});
  const hopeless = waiting.start();
  hopeless.catch(() => {});
  await quiet();
  await waiting.stop();
  await expect(hopeless).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  await expect(waiting.start()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
});

test("a service without replicas gets its topics from it", async () => {
  const world = await World.open();
  const made = make(world, { service: "reports", topicPrefix: "p." });
  made.onBroadcast("", () => {});
  await made.start();
  const specs = ["p.reports.control", "p.reports.broadcast", "p.reports.acks"].map((name) =>
    world.cluster.specOf(name),
  );
  expect(specs).toMatchObject([{ cleanup: "compact" }, { partitions: 1 }, { partitions: 4 }]);
  expect(world.cluster.specOf("p.reports.requests")).toBeUndefined();
  expect(world.cluster.specOf(BROADCAST)).toBeUndefined();
});

test("a name that would be taken for a replica's, a handler too late, one after lanes, or none are refused", async () => {
  const world = await World.open();
  const log = createMemoryLog({ cluster: world.cluster });
  const refusal = { code: "SHARDCAST_INVALID_CONFIG" };
  expect(() => createSubscriber({ log, service: SERVICE, member: "7" }, {})).toThrow(
    expect.objectContaining({ ...refusal, message: expect.stringContaining("member (SHARDCAST_MEMBER)") }),
  );
  expect(() => createSubscriber({ log }, { SHARDCAST_MEMBER: "7" })).toThrow(
    /service.*member \(SHARDCAST_MEMBER\)/,
  );
  const made = make(world);
  await expect(made.start()).rejects.toMatchObject(refusal);
  made.onBroadcast("", () => {});
  const lanes = () => made.onBroadcast("x", () => {}, { after: "lanes" });
  expect(lanes).toThrow(/no lanes/);
  await made.start();
  expect(() => made.onBroadcast("x", () => {})).toThrow(expect.objectContaining(refusal));
});

test("its name is the hostname unless it is given one", () => {
  const log = createMemoryLog();
  const named = createSubscriber({ log, service: SERVICE }, { SHARDCAST_MEMBER: "web-1", HOSTNAME: "other" });
  expect([named.service, named.member]).toEqual([SERVICE, "web-1"]);
});
