import { createMemoryLog } from "@shardcast/log/memory";
import { expect, test, vi } from "vitest";
import type { BroadcastHandler } from "../../src/index.ts";
import {
  ACKS,
  ackRecords,
  announce,
  BROADCAST,
  BroadcastStage,
  cancelBroadcast,
  ensureBroadcasts,
  position,
  positionAt,
  word,
  words,
} from "../support/broadcasts.ts";
import { quiet, until, World } from "../support/world.ts";

/** A member's process, started. */
async function startMember(
  world: World,
  handler: BroadcastHandler,
  options: Parameters<World["worker"]>[0] = {},
) {
  const made = world.worker(options);
  made.worker.onBroadcast("", handler);
  await made.worker.start();
  return made;
}

function upRecords(world: World) {
  return world
    .records("accounts.control")
    .map(({ offset }, i) => ({ offset, record: world.controlRecords()[i] }))
    .filter(({ record }) => record?.kind === "member" && record.state === "up");
}

test("C6: a member acts on a broadcast, its reply is on the log with its token, and its position moves past it", async () => {
  const world = await World.open();
  await startMember(world, (message) => ({ heard: message.text() }));
  const { id, offset } = await announce(world, "hello");
  const said = await word(world, id);
  expect(said).toMatchObject({ kind: "acked", status: 200, contentType: "application/json", attempt: 1 });
  expect(said.kind === "acked" && said.body.toString()).toBe('{"heard":"hello"}');
  await positionAt(world, offset + 1);
  const token = upRecords(world)[0]?.offset;
  expect(said).toMatchObject({ author: { member: "0", token } });
  expect(ackRecords(world).filter(({ kind }) => kind === "joined")).toEqual(
    Array.from({ length: 4 }, () => ({ kind: "joined", member: "0", token })),
  );
});

test("a member with a broadcast handler says so; one without neither says it nor makes the topics", async () => {
  const world = await World.open({ replicas: 2 });
  await world.start({ member: 1, defaultHandler: () => {} });
  expect(world.cluster.specOf(BROADCAST)).toBeUndefined();
  expect(world.cluster.specOf(ACKS)).toBeUndefined();
  await startMember(world, () => {}, { member: 0, broadcastRetentionMs: 3_600_000 });
  expect(upRecords(world).map(({ record }) => record)).toMatchObject([
    { member: "1" },
    { member: "0", broadcasts: true },
  ]);
  expect(upRecords(world)[0]?.record).not.toHaveProperty("broadcasts");
  expect(world.cluster.specOf(BROADCAST)).toMatchObject({ partitions: 1, retentionMs: 3_600_000 });
  expect(world.cluster.specOf(ACKS)).toMatchObject({ partitions: 4, retentionMs: 3_600_000 });
});

test("C6: a member that was down acts on what was sent meanwhile, and repeats nothing that its position has passed", async () => {
  const world = await World.open();
  const heard = vi.fn<BroadcastHandler>(() => {});
  const { worker } = await startMember(world, heard);
  const first = await announce(world, "before");
  await word(world, first.id);
  await worker.stop();
  expect(position(world)).toBe(`${first.offset + 1}:`);
  const missed = await announce(world, "while it was down");
  await startMember(world, heard);
  expect(await word(world, missed.id)).toMatchObject({ kind: "acked", status: 204 });
  expect(heard.mock.calls.map(([message]) => message.text())).toEqual(["before", "while it was down"]);
});

test("C6: killed before its position was committed, it acts again, and its words carry the new token", async () => {
  const world = await World.open();
  const { log } = await startMember(world, () => {}, { commitIntervalMs: 60_000 });
  const { id, offset } = await announce(world, "twice");
  await word(world, id);
  await log.close();
  await startMember(world, () => {});
  const again = await word(world, id, 2);
  const [old, fresh] = upRecords(world).map((up) => up.offset);
  expect(words(world, id)[0]).toMatchObject({ author: { token: old } });
  expect(again).toMatchObject({ kind: "acked", author: { token: fresh } });
  await positionAt(world, offset + 1);
});

test("C6: a member that joins late leaves alone what does not expect it, and acts on what does", async () => {
  const world = await World.open();
  await announce(world, "for others", { expected: [{ member: "1" }] });
  const mine = await announce(world, "for all", { expected: [{ member: "0" }, { member: "1" }] });
  const last = await announce(world, "for others too", { expected: [{ member: "1" }] });
  const stage = new BroadcastStage();
  await startMember(world, stage.handler);
  const call = await stage.started(1);
  await quiet();
  expect(position(world)).toBeUndefined(); // or a crash would forget that it is new
  call.end();
  await word(world, mine.id);
  await positionAt(world, last.offset + 1);
  const later = await announce(world, "for others, later", { expected: [{ member: "1" }] });
  (await stage.started(2)).end();
  await positionAt(world, later.offset + 1);
  expect(stage.bodies).toEqual(["for all", "for others, later"]);
});

test("C6: with catchUp ttl a member that joins late acts on all that is still alive, and acknowledges what expects it only", async () => {
  const world = await World.open();
  const others = { expected: [{ member: "1" }] };
  await announce(world, "over", { ...others, expiresMs: Date.now() - 1 });
  const alive = await announce(world, "alive", others);
  const mine = await announce(world, "mine");
  const expected: boolean[] = [];
  const handler: BroadcastHandler = (_, context) => void expected.push(context.expected);
  await startMember(world, handler, { catchUp: "ttl" });
  await word(world, mine.id);
  expect(expected).toEqual([false, true]);
  await positionAt(world, mine.offset + 1);
  expect(words(world, alive.id)).toEqual([]);
});

test("only who is expected acts on a targeted broadcast", async () => {
  const world = await World.open();
  const heard = vi.fn<BroadcastHandler>(() => {});
  await startMember(world, heard);
  await announce(world, "for 1", { targeted: true, expected: [{ member: "1" }] });
  await announce(world, "for another incarnation", {
    targeted: true,
    expected: [{ member: "0", incarnation: "x" }],
  });
  const { offset } = await announce(world, "for 0", { targeted: true });
  await positionAt(world, offset + 1);
  expect(heard.mock.calls.map(([message]) => message.text())).toEqual(["for 0"]);
});

test("C6: of two broadcasts with one id the first on the log counts", async () => {
  const world = await World.open();
  const heard = vi.fn<BroadcastHandler>(() => {});
  await startMember(world, heard);
  const { id } = await announce(world, "first");
  const { offset } = await announce(world, "second", { id });
  await positionAt(world, offset + 1);
  expect(heard.mock.calls.map(([message]) => message.text())).toEqual(["first"]);
  expect(words(world, id)).toHaveLength(1);
});

test("what is no broadcast is passed over, and what names an unknown handler fails", async () => {
  const world = await World.open();
  await ensureBroadcasts(world);
  await startMember(world, () => {});
  await world.append({ topic: BROADCAST, value: Buffer.from("{}") });
  const unnamed = await announce(world, "", { handler: "nobody's", expected: [] });
  const { id, offset } = await announce(world, "", { handler: "nobody's" });
  expect(await word(world, id)).toMatchObject({
    kind: "failed",
    code: "SHARDCAST_UNKNOWN_HANDLER",
    reason: "there is no handler nobody's",
    attempt: 0,
  });
  await positionAt(world, offset + 1);
  expect(words(world, unnamed.id)).toEqual([]);
  expect(world.logged("not a broadcast")).toHaveLength(1);
});

test("C8: a broadcast whose time is over is passed over without a word", async () => {
  const world = await World.open();
  const heard = vi.fn<BroadcastHandler>(() => {});
  await startMember(world, heard);
  const { id, offset } = await announce(world, "late", { expiresMs: Date.now() - 1 });
  await positionAt(world, offset + 1);
  expect(heard).not.toHaveBeenCalled();
  expect(words(world, id)).toEqual([]);
});

test("C8: one whose time passes while it waits for its turn is not begun", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  await startMember(world, stage.handler);
  await announce(world, "slow");
  const short = await announce(world, "short");
  const first = await stage.started(1);
  await quiet();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_700_000 });
  try {
    first.end();
    await positionAt(world, short.offset + 1);
  } finally {
    vi.useRealTimers();
  }
  expect(stage.bodies).toEqual(["slow"]);
  expect(words(world, short.id)).toEqual([]);
});

test("a cancelled broadcast is stopped by its signal, or never begun, and nothing is said", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  await startMember(world, stage.handler);
  const running = await announce(world, "running");
  const queued = await announce(world, "queued");
  const call = await stage.started(1);
  expect(call.context.signal.aborted).toBe(false);
  await cancelBroadcast(world, queued.id);
  await cancelBroadcast(world, running.id);
  await until(() => expect(call.context.signal.aborted).toBe(true));
  expect(call.context.signal.reason).toMatchObject({ code: "SHARDCAST_CANCELLED" });
  call.end("too late");
  await positionAt(world, 4);
  expect(stage.bodies).toEqual(["running"]);
  expect([...words(world, running.id), ...words(world, queued.id)]).toEqual([]);
});

test("a broadcast that was cancelled while the member was down is not begun, however far behind the cancel lies", async () => {
  const world = await World.open();
  const { id } = await announce(world, "cancelled");
  for (let i = 0; i < 150; i++) await announce(world, "for others", { expected: [{ member: "1" }] });
  await cancelBroadcast(world, id);
  const heard = vi.fn<BroadcastHandler>(() => {});
  await startMember(world, heard);
  await positionAt(world, 152);
  expect(heard).not.toHaveBeenCalled();
});

test("C6: while the log is away an acknowledgement waits for it, and nothing is lost", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  await startMember(world, stage.handler);
  const { id, offset } = await announce(world, "");
  const call = await stage.started(1);
  world.cluster.setAvailable(false);
  call.end("done");
  await until(() => expect(world.logged("acknowledgement not on the log yet")).not.toEqual([]));
  world.cluster.setAvailable(true);
  expect(await word(world, id)).toMatchObject({ kind: "acked" });
  await positionAt(world, offset + 1);
});

test("C6: a session that was broken by an outage is opened again, and the position is committed in it", async () => {
  const world = await World.open();
  const connection = createMemoryLog({ cluster: world.cluster });
  let broken = 0;
  const log: typeof connection = {
    ...connection,
    get available() {
      return connection.available;
    },
    openSession: async (options) => {
      const session = await connection.openSession(options);
      if (options.topic !== BROADCAST) return session;
      return {
        commit: async (work) => {
          if (broken++ < 2) return { kind: "broken", cause: new Error("no answer") };
          return session.commit(work);
        },
        close: () => session.close(),
      };
    },
  };
  await startMember(world, () => {}, { log });
  const { offset } = await announce(world, "");
  await positionAt(world, offset + 1);
  expect(broken).toBeGreaterThan(2);
});

test("C6: a process that was replaced is told by the signal; its words carry the old token, and it can not move the position", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  const { worker: older } = await startMember(world, stage.handler);
  const { id, offset } = await announce(world, "");
  const call = await stage.started(1);
  const later = new BroadcastStage();
  await startMember(world, later.handler);
  expect(await older.ended).toEqual({ reason: "fenced" });
  expect(call.context.signal.aborted).toBe(true);
  call.end("a zombie's");
  await quiet();
  expect(words(world, id)).toEqual([]);
  expect(position(world)).toBe("0:");
  (await later.started(1)).end("mine");
  await positionAt(world, offset + 1);
  const [old, fresh] = upRecords(world).map((up) => up.offset);
  expect(words(world, id)).toMatchObject([{ author: { token: fresh } }]);
  expect(ackRecords(world).flatMap((each) => (each.kind === "joined" ? [each.token] : []))).toEqual([
    ...[old, fresh, old, fresh, old, fresh, old, fresh],
  ]);
});

test("C7: while it is full reading pauses, and goes on when there is room", async () => {
  const world = await World.open();
  const connection = createMemoryLog({ cluster: world.cluster });
  const slowed: string[] = [];
  const log: typeof connection = {
    ...connection,
    get available() {
      return connection.available;
    },
    openReader: async (options) => {
      const reader = await connection.openReader(options);
      if (!options.topics.includes(BROADCAST)) return reader;
      return {
        ...reader,
        pause: (...at) => {
          slowed.push("pause");
          reader.pause(...at);
        },
        resume: (...at) => {
          slowed.push("resume");
          reader.resume(...at);
        },
      };
    },
  };
  const stage = new BroadcastStage();
  const { worker } = await startMember(world, stage.handler, { log, maxQueuedBroadcasts: 2 });
  for (const body of ["a", "b", "c"]) await announce(world, body);
  await stage.started(1);
  await until(() => expect(slowed).toEqual(["pause"]));
  const last = await announce(world, "not read yet");
  await quiet();
  (await stage.started(1)).end();
  await until(() => expect(slowed).toEqual(["pause", "resume", "pause"]));
  for (const n of [2, 3, 4]) (await stage.started(n)).end();
  await positionAt(world, last.offset + 1);
  expect(stage.bodies).toEqual(["a", "b", "c", "not read yet"]);
  await worker.stop();
});

test("C7: bodies are counted as well", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  const { worker } = world.worker({ maxQueuedBytes: 1_000 });
  worker.onBroadcast("", stage.handler, { order: "concurrent" });
  await worker.start();
  for (const body of ["a", "b"]) await announce(world, body.repeat(1_000));
  const first = await stage.started(1);
  await quiet();
  expect(stage.calls).toHaveLength(1);
  first.end();
  await stage.started(2);
});

test("a stop lets what runs finish, begins nothing new, and commits how far it got", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  const { worker } = await startMember(world, stage.handler, { commitIntervalMs: 60_000 });
  const { id, offset } = await announce(world, "runs");
  await announce(world, "waits");
  const call = await stage.started(1);
  const stopped = worker.stop();
  await quiet();
  expect(call.context.signal.aborted).toBe(false);
  call.end("done");
  await stopped;
  expect(await word(world, id)).toMatchObject({ kind: "acked" });
  expect(stage.bodies).toEqual(["runs"]);
  expect(position(world)).toBe(`${offset + 1}:`);
});

test("C6: what does not finish within the grace time is told by its signal, counts no more, and is repeated", async () => {
  const world = await World.open();
  const stage = new BroadcastStage();
  const { worker } = await startMember(world, stage.handler, { graceMs: 1 });
  const { id, offset } = await announce(world, "hangs");
  const call = await stage.started(1);
  await worker.stop();
  expect(call.context.signal.aborted).toBe(true);
  call.end("too late");
  await quiet();
  expect(words(world, id)).toEqual([]);
  expect(position(world)).toBe("0:");
  await startMember(world, () => {});
  await positionAt(world, offset + 1);
});

test("a start waits while the log is away, and the broadcasts with it", async () => {
  const world = await World.open();
  const { id } = await announce(world, "");
  world.cluster.setAvailable(false);
  const started = startMember(world, () => {});
  await quiet();
  world.cluster.setAvailable(true);
  await started;
  expect(await word(world, id)).toMatchObject({ kind: "acked" });
});
