import type { Log, LogReader, MemberSession } from "@shardcast/log";
import { createMemoryLog } from "@shardcast/log/memory";
import { ShardcastError } from "@shardcast/protocol";
import { expect, test, vi } from "vitest";
import { Stage } from "./support/stage.ts";
import { quiet, SERVICE, until, World } from "./support/world.ts";

/** A connection that counts what is open, with some calls replaced. */
function watched(
  world: World,
  {
    onReader = async (reader) => reader,
    onSession = async (session) => session,
    ensureTopics,
  }: {
    onReader?: (reader: LogReader) => Promise<LogReader>;
    onSession?: (session: MemberSession) => Promise<MemberSession>;
    ensureTopics?: () => Promise<void>;
  } = {},
): { log: Log; open: Set<string>; sessions: () => number } {
  const log = createMemoryLog({ cluster: world.cluster });
  const open = new Set<string>();
  let count = 0;
  function counted<T extends { close(): Promise<void> }>(name: string, part: T): T {
    const id = `${name}${count++}`;
    open.add(id);
    const close = part.close.bind(part);
    return Object.assign(part, {
      close: async () => {
        open.delete(id);
        await close();
      },
    });
  }
  let sessions = 0;
  const wrapped: Log = {
    ...log,
    get available() {
      return log.available;
    },
    ensureTopics: ensureTopics ?? ((specs) => log.ensureTopics(specs)),
    openReader: async (options) => onReader(counted("reader", await log.openReader(options))),
    openSession: async (options) => {
      sessions++;
      return onSession(counted("session", await log.openSession(options)));
    },
  };
  return { log: wrapped, open, sessions: () => sessions };
}

test("takes the member's lanes once the log is there, and says so", async () => {
  const world = await World.open();
  world.cluster.setAvailable(false);
  const stage = new Stage();
  const { worker } = world.worker({ defaultHandler: stage.handler });
  expect([worker.service, worker.member, worker.lanes()]).toEqual([SERVICE, "0", []]);
  const started = worker.start();
  expect(worker.start()).toEqual(started);
  await quiet();
  expect(worker.lanes()).toEqual([]);
  world.cluster.setAvailable(true);
  await started;
  expect(worker.lanes()).toMatchObject([{ lane: 0, state: "owned" }]);
  await worker.start(); // has been
  await world.send("a", "");
  await stage.started(1);
});

test("fails at once for what waiting does not mend, leaves nothing open, and may be tried again", async () => {
  const world = await World.open();
  let fits = false;
  const { log, open } = watched(world, {
    ensureTopics: async () => {
      if (!fits) throw new ShardcastError("SHARDCAST_TOPIC_MISMATCH", "3 partitions, wanted 1");
    },
  });
  const { worker } = world.worker({ log, defaultHandler: () => {} });
  await expect(worker.start()).rejects.toMatchObject({ code: "SHARDCAST_TOPIC_MISMATCH" });
  expect([...open]).toEqual([]);
  fits = true;
  await worker.start();
  expect(worker.lanes()).toMatchObject([{ lane: 0, state: "owned" }]);
  await worker.stop();
  expect([...open]).toEqual([]);
});

test("a topic that does not fit is refused in the log's own words", async () => {
  const world = await World.open({ replicas: 2 });
  const { worker } = world.worker({ replicas: 3, defaultHandler: () => {} });
  await expect(worker.start()).rejects.toMatchObject({ code: "SHARDCAST_TOPIC_MISMATCH" });
  await worker.stop();
  expect(await worker.ended).toEqual({ reason: "stopped" });
});

test.each(["session", "reader"] as const)("a fault of the %s half-way leaves nothing open", async (what) => {
  const world = await World.open();
  const fault = new ShardcastError("SHARDCAST_LOG_REFUSED", "no authorisation");
  const { log, open } = watched(world, {
    onSession: async (session) => {
      if (what === "reader") return session;
      await session.close();
      throw fault;
    },
    onReader: async (reader) => {
      if (what === "session") return reader;
      await reader.close();
      throw fault;
    },
  });
  const { worker } = world.worker({ log, defaultHandler: () => {} });
  await expect(worker.start()).rejects.toMatchObject({ code: "SHARDCAST_LOG_REFUSED" });
  expect([...open]).toEqual([]);
});

test("C1: no handler starts before all is owned, so a start tried again never runs a request beside itself", async () => {
  const world = await World.open();
  await world.send("a", "a0");
  let fail = true;
  const { log } = watched(world, {
    onReader: async (reader) => {
      const start = reader.start.bind(reader);
      return Object.assign(reader, {
        start: async (...args: Parameters<LogReader["start"]>) => {
          const position = await start(...args);
          await quiet(); // the record is delivered
          if (!fail) return position;
          fail = false;
          throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away");
        },
      });
    },
  });
  const stage = new Stage();
  await world.start({ log, defaultHandler: stage.handler });
  await stage.started(1);
  await quiet();
  expect(stage.bodies).toEqual(["a0"]);
});

test("a stop while it waits for the log ends the start", async () => {
  const world = await World.open();
  world.cluster.setAvailable(false);
  const { worker } = world.worker({ defaultHandler: () => {} });
  const started = worker.start();
  const refused = expect(started).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  await quiet();
  await worker.stop();
  await refused;
  expect(await worker.ended).toEqual({ reason: "stopped" });
});

test.each(["first", "second"] as const)(
  "a stop while the %s try succeeds gives up what it took, before any handler",
  async (which) => {
    const world = await World.open();
    await world.send("a", "a0");
    const taking = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    let tries = 0;
    const { log, open } = watched(world, {
      onSession: async (session) => {
        tries++;
        if (which === "second" && tries === 1) {
          await session.close();
          throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away");
        }
        taking.resolve();
        await go.promise;
        return session;
      },
    });
    const handler = vi.fn();
    const { worker } = world.worker({ log, defaultHandler: handler });
    const refused = expect(worker.start()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await taking.promise;
    const stopped = worker.stop();
    go.resolve();
    await Promise.all([refused, stopped]);
    await quiet();
    expect(handler).not.toHaveBeenCalled();
    expect([...open]).toEqual([]);
    expect(world.committed()).toBeUndefined();
  },
);

test("C2: replaced while it starts, it does not fence back: it ends", async () => {
  const world = await World.open();
  let newer: Promise<unknown> | undefined;
  const { log, sessions } = watched(world, {
    onSession: async (session) => {
      newer ??= world.start({ defaultHandler: () => {} }); // the newer process comes up in between
      await newer;
      return session;
    },
  });
  const { worker } = world.worker({ log, defaultHandler: () => {} });
  await expect(worker.start()).rejects.toMatchObject({ code: "SHARDCAST_FENCED" });
  expect(await worker.ended).toEqual({ reason: "fenced" });
  expect(sessions()).toBe(1);
});

test("fenced while it starts by one that says nothing, a zombie say, it tries again and wins", async () => {
  const world = await World.open();
  let zombie = true;
  const { log } = watched(world, {
    onSession: async (session) => {
      if (zombie) world.cluster.nextEpoch(SERVICE, "0");
      zombie = false;
      return session;
    },
  });
  const { worker } = await world.start({ log, defaultHandler: () => {} });
  expect(worker.lanes()).toMatchObject([{ lane: 0, state: "owned" }]);
});

test("topics carry the prefix, progress too, so installations stay apart", async () => {
  const world = await World.open();
  await world.start({ topicPrefix: "prod.", defaultHandler: () => {} });
  expect(world.cluster.specOf("prod.accounts.requests")).toBeDefined();
  await world.append({ topic: "prod.accounts.requests", key: Buffer.from("k") });
  await until(() =>
    expect(world.cluster.progressOf("prod.accounts", "prod.accounts.requests", 0)).toMatchObject({
      offset: 1,
    }),
  );
  expect(world.committed()).toBeUndefined();
});
