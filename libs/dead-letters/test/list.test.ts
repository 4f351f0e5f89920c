import type { Log, LogReader } from "@shardcast/log";
import { createMemoryLog } from "@shardcast/log/memory";
import { encodeRedriven } from "@shardcast/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ListOptions, openDeadLetters } from "../src/index.ts";
import { pagesOf, placesOf, recordOf, SERVICE, startWorld, topics, WHY } from "./support/world.ts";

const KEYS = ["carol", "dave", "erin"];
const things = fc.array(
  fc.record({
    lane: fc.nat(2),
    what: fc.constantFrom("letter", "letter", "letter", "settled", "junk"),
    key: fc.constantFrom(...KEYS),
  }),
  { maxLength: 40 },
);

test("C9: paging comes to every letter exactly once, by lane and offset, whatever lies between them", async () => {
  await fc.assert(
    fc.asyncProperty(
      things,
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom(undefined, 1),
      async (all, limit, lane) => {
        const { log, open, bury } = await startWorld();
        const expected: string[] = [];
        const ofCarol: string[] = [];
        for (const { lane, what, key } of all) {
          const at = { topic: topics.dead.name, partition: lane };
          if (what === "junk") {
            await log.append({ ...at, key: null, value: Buffer.from("?"), headers: {} });
            continue;
          }
          const offset = await bury(lane, recordOf({ key: Buffer.from(key) }));
          if (what === "letter") expected.push(`${lane}/${offset}`);
          if (what === "letter" && key === "carol") ofCarol.push(`${lane}/${offset}`);
          if (what === "letter") continue;
          const said = { redriveId: "r", how: "redriven" as const, atMs: 1, low: 0 };
          const marker = encodeRedriven({ ...said, letters: [{ from: offset, to: offset + 1 }] });
          await log.append({ ...at, ...marker });
        }
        const letters = await open();
        const here = (places: string[]) =>
          places.filter((place) => lane === undefined || place.startsWith(`${lane}/`)).sort(byPlace);
        const options: ListOptions = lane === undefined ? { limit } : { limit, lane };
        expect(await placesOf(letters, options)).toEqual(here(expected));
        expect(await placesOf(letters, { ...options, key: Buffer.from("carol") })).toEqual(here(ofCarol));
        await letters.close();
        await log.close();
      },
    ),
    { numRuns: 40 },
  );
});

function byPlace(a: string, b: string): number {
  const [laneA = 0, offsetA = 0] = a.split("/").map(Number);
  const [laneB = 0, offsetB = 0] = b.split("/").map(Number);
  return laneA - laneB || offsetA - offsetB;
}

test("a letter says why, where it lies, and what was asked", async () => {
  const { open, bury } = await startWorld();
  const headers = { "x-request-id": "1" };
  await bury(2, recordOf({ id: "one", headers, contentType: "text/plain", body: Buffer.from("hi") }));
  const letters = await open();
  expect(await letters.list()).toEqual({
    letters: [
      {
        lane: 2,
        offset: 0,
        settled: false,
        why: WHY,
        truncated: false,
        id: "one",
        key: Buffer.from("carol"),
        handler: "deposit",
        contentType: "text/plain",
        headers: expect.objectContaining(headers),
        body: Buffer.from("hi"),
      },
    ],
  });
});

test("letters are selected by handler, code and time", async () => {
  const { open, bury } = await startWorld();
  await bury(0, recordOf({ handler: "deposit" }), { atMs: 10 });
  await bury(0, recordOf({ handler: "" }), { atMs: 20 });
  await bury(0, recordOf({ handler: "deposit" }), { atMs: 30, code: "SHARDCAST_HANDLER_REFUSED" });
  const letters = await open();
  expect(await placesOf(letters, { handler: "deposit" })).toEqual(["0/0", "0/2"]);
  expect(await placesOf(letters, { handler: "" })).toEqual(["0/1"]);
  expect(await placesOf(letters, { code: "SHARDCAST_HANDLER_REFUSED" })).toEqual(["0/2"]);
  expect(await placesOf(letters, { fromMs: 20 })).toEqual(["0/1", "0/2"]);
  expect(await placesOf(letters, { fromMs: 10, toMs: 30 })).toEqual(["0/0", "0/1"]);
});

test("letters that come later, and those that retention has removed, do not disturb who is paging", async () => {
  const { open, bury } = await startWorld({ maxRecordsPerPartition: 4 });
  for (let i = 0; i < 4; i++) await bury(0, recordOf());
  const letters = await open();
  const first = await letters.list({ limit: 1 });
  for (let i = 0; i < 3; i++) await bury(0, recordOf());
  const rest = await letters.list({ cursor: first.cursor as string });
  expect(rest.letters.map(({ offset }) => offset)).toEqual([3, 4, 5, 6]);
});

test("C7: a page of large bodies comes back short, and the next one goes on", async () => {
  const { open, bury } = await startWorld();
  for (let i = 0; i < 20; i++) await bury(0, recordOf({ body: Buffer.alloc(900_000) }));
  const pages = await pagesOf(await open(), {});
  expect(pages.map((page) => page.letters.length)).toEqual([9, 9, 2]);
});

test("C7: a page that finds nothing among many records comes back empty, and the next one goes on", async () => {
  const { open, bury } = await startWorld();
  for (let i = 0; i < 10_050; i++) await bury(1, recordOf());
  await bury(1, recordOf({ handler: "rare" }));
  const pages = await pagesOf(await open(), { handler: "rare" });
  expect(pages.map((page) => page.letters.length)).toEqual([0, 1]);
});

test("C7: pages that end early leave nobody waiting at the log", async () => {
  const { cluster, open, bury } = await startWorld();
  // More than the log in memory hands over at once.
  for (let i = 0; i < 150; i++) await bury(0, recordOf());
  const inner = createMemoryLog({ cluster });
  const waiting: Promise<void>[] = [];
  const log: Log = Object.assign(Object.create(inner) as Log, {
    rangesOf: inner.rangesOf,
    async openReader(options: Parameters<Log["openReader"]>[0]): Promise<LogReader> {
      const reader = await inner.openReader(options);
      const { reached } = reader;
      reader.reached = (...where) => {
        const reaching = reached(...where);
        waiting.push(reaching);
        return reaching;
      };
      return reader;
    },
  });
  const letters = await open(log);
  for (let i = 0; i < 3; i++) expect((await letters.list({ limit: 1 })).letters).toHaveLength(1);
  expect(waiting.length).toBeGreaterThan(3);
  await Promise.all(waiting);
});

describe("what is not valid is refused, naming it", () => {
  const cursor = (text: string) => ({ cursor: Buffer.from(text).toString("base64url") });
  test.each<[string, ListOptions]>([
    ["lane", { lane: 3 }],
    ["lane", { lane: -1 }],
    ["lane", { lane: 0.5 }],
    ["limit", { limit: 0 }],
    ["limit", { limit: 501 }],
    ["code", { code: "SHARDCAST_NO_SUCH" as never }],
    ["fromMs", { fromMs: Number.NaN }],
    ["cursor", { cursor: "" }],
    ["cursor", { cursor: "of somebody else" }],
    ["cursor", cursor("1:3:0")],
    ["cursor", cursor("2:0:0")],
    ["cursor", cursor("1:0:9999999999999999")],
    ["cursor", cursor("1:01:0")],
    ["cursor", { ...cursor("1:1:0"), lane: 0 }],
  ])("%s of %j", async (name, options) => {
    const letters = await (await startWorld()).open();
    await expect(letters.list(options)).rejects.toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      message: expect.stringContaining(`${name}:`),
    });
  });
});

test("while the log is away a page is refused at once, and comes when it is back", async () => {
  const { cluster, open, bury } = await startWorld();
  await bury(0, recordOf());
  const letters = await open();
  cluster.setAvailable(false);
  await expect(letters.list()).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
  cluster.setAvailable(true);
  expect((await letters.list()).letters).toHaveLength(1);
});

test("C7: who comes when too many read already is told so", async () => {
  const { open, bury } = await startWorld();
  await bury(0, recordOf());
  const letters = await open();
  const asked = await Promise.allSettled(Array.from({ length: 40 }, () => letters.list()));
  const refused = asked.filter(({ status }) => status === "rejected");
  expect(refused).toHaveLength(8);
  expect(refused[0]).toMatchObject({ reason: { code: "SHARDCAST_OVERLOADED" } });
});

test("closed dead letters are read no more", async () => {
  const { open, bury } = await startWorld();
  await bury(0, recordOf());
  const letters = await open();
  await letters.close();
  await expect(letters.list()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
});

test("a topic with another number of partitions than there are lanes is refused", async () => {
  const { log } = await startWorld({ lanes: 4 });
  const opening = openDeadLetters(log, { service: SERVICE, lanes: 3 });
  await expect(opening).rejects.toMatchObject({ code: "SHARDCAST_TOPIC_MISMATCH" });
});
