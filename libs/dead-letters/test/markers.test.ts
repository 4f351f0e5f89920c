import type { CommitOutcome, Log, LogRecord } from "@shardcast/log";
import { createMemoryLog, type MemoryCluster } from "@shardcast/log/memory";
import { isShardcastError } from "@shardcast/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import { SettledOffsets } from "../src/settled.ts";
import { placesOf, recordOf, startWorld } from "./support/world.ts";

/** Only `setTimeout`, which paces a redrive: the log in memory goes on by itself. */
function fakePauses(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** Not `vi.waitUntil`, which moves the faked clock on. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

test("C9: what is settled is known after a restart, and to others without one", async () => {
  const { open, bury, requests } = await startWorld();
  for (const id of ["a", "b", "c"]) await bury(0, recordOf({ id }));
  const [mine, theirs] = [await open(), await open()];
  await mine.redrive({ ids: ["a"] });
  await mine.discard({ ids: ["c"] });
  await mine.close();
  expect(await placesOf(await open())).toEqual(["0/1"]);
  await expect.poll(() => placesOf(theirs)).toEqual(["0/1"]);
  expect(await theirs.redrive()).toMatchObject({ matched: 1, redriven: 1, settledBefore: 2 });
  expect(requests(0).map(({ id }) => id)).toEqual(["a", "b"]);
  const all = await theirs.list({ includeSettled: true });
  expect(all.letters.map(({ id, settled }) => [id, settled])).toEqual([
    ["a", true],
    ["b", true],
    ["c", true],
  ]);
});

/** A log that hands records over only to who waits for them: nobody hears of anything by the way. */
function withLateRecords(cluster: MemoryCluster): Log {
  const inner = createMemoryLog({ cluster });
  return Object.assign(Object.create(inner) as Log, {
    async openReader(options: Parameters<Log["openReader"]>[0]) {
      const held: (readonly LogRecord[])[] = [];
      const reader = await inner.openReader({ ...options, onRecords: (records) => held.push(records) });
      const { reached } = reader;
      reader.reached = async (...where) => {
        await reached(...where);
        for (const records of held.splice(0)) options.onRecords(records);
      };
      return reader;
    },
  });
}

test("a page that is asked for after a redrive no longer shows what it sent", async () => {
  const { cluster, open, bury } = await startWorld();
  await bury(0, recordOf());
  const letters = await open(withLateRecords(cluster));
  await letters.redrive();
  expect((await letters.list()).letters).toEqual([]);
});

test("C9: a redrive knows of everything that the one before has sent, however late it hears of it", async () => {
  const { cluster, open, bury, requests } = await startWorld();
  for (const id of ["a", "b"]) await bury(0, recordOf({ id }));
  const [one, late] = [await open(), await open(withLateRecords(cluster))];
  await one.redrive();
  expect(await late.redrive()).toMatchObject({ matched: 0, redriven: 0, settledBefore: 2 });
  expect(requests(0)).toHaveLength(2);
});

test("a marker says when, by which redrive, and of which letters: only of those", async () => {
  const { open, bury, markers } = await startWorld();
  for (const id of ["a", "b", "c", "d"]) await bury(0, recordOf({ id }));
  const letters = await open();
  const first = await letters.redrive({ ids: ["a", "b", "d"] });
  const second = await letters.discard();
  expect(markers(0)).toMatchObject([
    {
      redriveId: first.redriveId,
      how: "redriven",
      letters: [
        { from: 0, to: 2 },
        { from: 3, to: 4 },
      ],
    },
    { redriveId: second.redriveId, how: "discarded", letters: [{ from: 2, to: 3 }] },
  ]);
});

test("C7: letters settled side by side take one entry, also over what transactions leave between them", async () => {
  const { log, open, bury, markers } = await startWorld();
  for (let i = 0; i < 250; i++) {
    await bury(0, recordOf());
    await log.append({ topic: "accounts.dead", partition: 0, key: null, value: null, headers: {} });
  }
  expect(await (await open()).redrive()).toMatchObject({ redriven: 250 });
  const settled = new SettledOffsets();
  for (const { letters } of markers(0)) for (const span of letters) settled.add(span);
  expect([markers(0).length, settled.size]).toEqual([3, 1]);
});

test("C9: a second redrive ends the first, which says how far it came, and nothing is sent twice", async () => {
  fakePauses();
  const { open, bury, requests } = await startWorld();
  for (let i = 0; i < 30; i++) await bury(i % 3, recordOf({ id: `r${i}` }));
  const [one, other] = [await open(), await open()];
  const first = one.redrive({ ratePerSecond: 4 });
  const ended = first.catch((error: unknown) => error);
  await until(() => vi.getTimerCount() === 1 && requests(0).length === 4);
  const report = await other.redrive();
  expect(report).toMatchObject({ redriven: 26, settledBefore: 4 });
  await vi.advanceTimersByTimeAsync(1_000);
  const error = await ended;
  if (!isShardcastError(error)) throw error;
  expect(error.code).toBe("SHARDCAST_FENCED");
  expect(error.message).toContain("4 letters");
  expect(error.extensions).toMatchObject({ soFar: { redriven: 4, cursor: expect.any(String) } });
  const sent = [0, 1, 2].flatMap((lane) => requests(lane).map(({ id }) => id));
  expect(sent.sort()).toEqual(Array.from({ length: 30 }, (_, i) => `r${i}`).sort());
});

/** A log whose second commit has no answer, after it was made or without. */
function withBrokenCommit(cluster: MemoryCluster, made: boolean): Log {
  const inner = createMemoryLog({ cluster });
  let commits = 0;
  return Object.assign(Object.create(inner) as Log, {
    async openSession(options: Parameters<Log["openSession"]>[0]) {
      const session = await inner.openSession(options);
      return {
        close: () => session.close(),
        async commit(work: Parameters<typeof session.commit>[0]): Promise<CommitOutcome> {
          commits++;
          if (commits !== 2) return session.commit(work);
          if (made) await session.commit(work);
          return { kind: "broken", cause: new Error("no answer") };
        },
      };
    },
  });
}

test.each([true, false])(
  "C9: after a commit without an answer (made: %s) who tries again sends each once",
  async (made) => {
    const { cluster, open, bury, requests } = await startWorld();
    for (let i = 0; i < 250; i++) await bury(0, recordOf({ id: `r${i}` }));
    const letters = await open(withBrokenCommit(cluster, made));
    await expect(letters.redrive()).rejects.toMatchObject({
      code: "SHARDCAST_LOG_UNAVAILABLE",
      extensions: { soFar: { redriven: 100 } },
    });
    expect(await letters.redrive()).toMatchObject({ redriven: made ? 50 : 150 });
    expect(requests(0).map(({ id }) => id)).toEqual(Array.from({ length: 250 }, (_, i) => `r${i}`));
  },
);

test("requests are sent no faster than asked", async () => {
  fakePauses();
  const { open, bury, requests } = await startWorld();
  for (let i = 0; i < 4; i++) await bury(0, recordOf());
  const letters = await open();
  const done = letters.redrive({ ratePerSecond: 2 });
  await until(() => vi.getTimerCount() === 1 && requests(0).length === 2);
  await vi.advanceTimersByTimeAsync(999);
  // Behind whatever the redrive might be reading.
  for (let i = 0; i < 3; i++) await letters.list();
  expect(requests(0)).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  await until(() => vi.getTimerCount() === 1 && requests(0).length === 4);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await done).toMatchObject({ redriven: 4 });
});

test("who aborts gets the report of what was done, and a cursor for the rest", async () => {
  fakePauses();
  const { open, bury, requests } = await startWorld();
  for (let i = 0; i < 4; i++) await bury(0, recordOf({ id: `r${i}` }));
  const abort = new AbortController();
  const letters = await open();
  const done = letters.redrive({ ratePerSecond: 1, signal: abort.signal });
  await until(() => vi.getTimerCount() === 1 && requests(0).length === 1);
  abort.abort();
  const { redriven, cursor } = await done;
  expect(redriven).toBe(1);
  expect(await letters.redrive({ cursor: cursor as string })).toMatchObject({
    redriven: 3,
    settledBefore: 0,
  });
});

test("what the log holds back for too long is given up with an error that says so, and comes when it is there", async () => {
  fakePauses();
  const { cluster, open, bury } = await startWorld();
  await bury(0, recordOf());
  const inner = createMemoryLog({ cluster });
  let held = 1;
  const log: Log = Object.assign(Object.create(inner) as Log, {
    rangesOf: async (topic: string) =>
      (await inner.rangesOf(topic)).map(({ low, high }) => ({ low, high: high + held })),
  });
  const gone = { code: "SHARDCAST_LOG_UNAVAILABLE" };
  const outOfPatience = async (asked: Promise<unknown>) => {
    const refused = expect(asked).rejects.toMatchObject(gone);
    await until(() => vi.getTimerCount() === 1);
    await vi.advanceTimersByTimeAsync(20_000);
    await refused;
  };
  await outOfPatience(open(log));
  held = 0;
  const letters = await open(log);
  held = 1;
  await outOfPatience(letters.list());
  await outOfPatience(letters.redrive());
  held = 0;
  expect((await letters.list()).letters).toHaveLength(1);
  expect(await letters.redrive()).toMatchObject({ redriven: 1 });
});
