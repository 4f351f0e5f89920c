import { createMemoryLog } from "@shardcast/log/memory";
import { encodeCancel, encodeDeadLetter, encodeRedriven, newRequestId } from "@shardcast/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { placesOf, recordOf, request, SERVICE, startWorld, topics, WHY } from "./support/world.ts";

test("a request is sent again as it was: same id, nobody waits, no deadline, a greater attempt (C9)", async () => {
  const { open, bury, requests } = await startWorld();
  const original = request({
    id: newRequestId(1),
    replyTo: { partition: 3, instance: "gateway-1", correlation: "c" },
    deadlineMs: 5,
    notBeforeMs: 4,
    recording: "outcome",
    attempt: 4,
    contentType: "application/json",
    traceparent: "00-1-2-01",
    headers: { "x-tenant": "t" },
  });
  await bury(1, recordOf(original), { attempts: 3 });
  const letters = await open();
  expect(await letters.redrive()).toMatchObject({ matched: 1, redriven: 1, skipped: {} });
  const { replyTo: _replyTo, deadlineMs: _deadlineMs, headers, ...kept } = original;
  const [again, ...more] = requests(1);
  expect(more).toEqual([]);
  expect({ ...again, headers: { ...again?.headers } }).toEqual({ ...kept, headers, attempt: 7, redriven: 1 });
});

test("a request that no handler has seen gets a greater attempt as well, or a recorded result would answer it", async () => {
  const { open, bury, requests } = await startWorld();
  await bury(0, recordOf({ attempt: 2 }), { attempts: 0, code: "SHARDCAST_UNKNOWN_HANDLER" });
  await (await open()).redrive();
  expect(requests(0)).toMatchObject([{ attempt: 3 }]);
});

test("a stranger's record is sent again under the id that its worker gave it", async () => {
  const { open, bury, requests } = await startWorld();
  const stranger = { key: Buffer.from("carol"), value: Buffer.from("event"), headers: { a: "b" } };
  await bury(2, stranger, { origin: { topic: topics.requests.name, partition: 2, offset: 9 } });
  await (await open()).redrive();
  expect(requests(2)).toMatchObject([
    { id: `${topics.requests.name}-2-9`, key: stranger.key, body: stranger.value, handler: "", attempt: 4 },
  ]);
});

test("C1: requests of a key are sent in the order of its letters, whatever other keys do", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ lane: fc.nat(2), key: fc.constantFrom("a", "b", "c") }), { maxLength: 250 }),
      fc.integer({ min: 1, max: 60 }),
      async (buried, limit) => {
        const { log, open, bury, requests } = await startWorld();
        for (const [index, { lane, key }] of buried.entries()) {
          await bury(lane, recordOf({ id: `r${index}`, key: Buffer.from(`${lane}${key}`) }));
        }
        const letters = await open();
        let { cursor } = await letters.redrive({ limit });
        while (cursor !== undefined) ({ cursor } = await letters.redrive({ limit, cursor }));
        for (const lane of [0, 1, 2]) {
          const sent = Map.groupBy(requests(lane), ({ key }) => key.toString());
          const wanted = buried.map(({ lane, key }, index) => ({ key: `${lane}${key}`, id: `r${index}` }));
          for (const [key, each] of sent) {
            expect(each.map(({ id }) => id)).toEqual(
              wanted.filter((one) => one.key === key).map(({ id }) => id),
            );
          }
        }
        expect([0, 1, 2].flatMap(requests)).toHaveLength(buried.length);
        await letters.close();
        await log.close();
      },
    ),
    { numRuns: 25 },
  );
});

describe("the loop guard (C9)", () => {
  test("skips what was sent again three times, and sends it all the same when it is told to", async () => {
    const { open, bury, requests } = await startWorld();
    await bury(0, recordOf({ id: "fresh" }));
    await bury(0, recordOf({ id: "twice", redriven: 2 }));
    await bury(0, recordOf({ id: "thrice", redriven: 3 }));
    const letters = await open();
    expect(await letters.redrive()).toMatchObject({
      matched: 3,
      redriven: 2,
      skipped: { "redriven-too-often": 1 },
      outcomes: [
        { lane: 0, offset: 0, id: "fresh", outcome: "redriven" },
        { lane: 0, offset: 1, id: "twice", outcome: "redriven" },
        { lane: 0, offset: 2, id: "thrice", outcome: "skipped", reason: "redriven-too-often" },
      ],
    });
    expect(await placesOf(letters)).toEqual(["0/2"]);
    expect(await letters.redrive({ force: true })).toMatchObject({ redriven: 1, settledBefore: 2 });
    expect(requests(0).map(({ id, redriven }) => [id, redriven])).toEqual([
      ["fresh", 1],
      ["twice", 3],
      ["thrice", 4],
    ]);
  });

  test("can be set", async () => {
    const { open, bury } = await startWorld();
    await bury(0, recordOf({ redriven: 1 }));
    expect(await (await open()).redrive({ maxRedrives: 1 })).toMatchObject({ redriven: 0 });
  });
});

test("what can not be sent is skipped with a reason, stays listed, and can be discarded (C9)", async () => {
  const { log, open, bury, requests } = await startWorld();
  const { headers, ...whole } = recordOf();
  await bury(0, { ...whole, key: null, headers });
  await bury(0, recordOf({ service: "orders" }));
  await bury(0, { ...whole, headers: { ...headers, "sc-version": Buffer.from([9]) } });
  await bury(0, encodeCancel(SERVICE, newRequestId(0)));
  await bury(0, recordOf({ attempt: Number.MAX_SAFE_INTEGER }));
  await bury(0, recordOf());
  const letter = encodeDeadLetter({ ...recordOf(), value: null }, WHY);
  const cut = { ...letter, headers: { ...letter.headers, "sc-dead-truncated": "true" } };
  await log.append({ topic: topics.dead.name, partition: 0, ...cut });
  const letters = await open();
  expect(await letters.redrive()).toMatchObject({
    matched: 7,
    redriven: 1,
    skipped: { "not-a-request": 2, unreadable: 3, truncated: 1 },
  });
  expect(requests(0)).toHaveLength(1);
  expect(await placesOf(letters)).toEqual(["0/0", "0/1", "0/2", "0/3", "0/4", "0/6"]);
  expect(await letters.discard()).toMatchObject({ matched: 6, discarded: 6, redriven: 0, settledBefore: 1 });
  expect(await placesOf(letters)).toEqual([]);
  expect(requests(0)).toHaveLength(1);
});

test("a request that the log does not take is skipped and holds up no other", async () => {
  const { cluster, open, bury, requests } = await startWorld();
  await bury(0, recordOf({ id: "large", body: Buffer.alloc(900) }));
  await bury(0, recordOf({ id: "small" }));
  const small = createMemoryLog({ cluster });
  Object.assign(cluster, { maxRecordBytes: 700 });
  expect(await (await open(small)).redrive()).toMatchObject({ redriven: 1, skipped: { "too-large": 1 } });
  expect(requests(0)).toMatchObject([{ id: "small" }]);
});

test("a dry run says what would be done, and puts nothing on the log", async () => {
  const { cluster, open, bury, requests, markers } = await startWorld();
  for (const lane of [0, 1, 1]) await bury(lane, recordOf());
  const letters = await open();
  const epoch = cluster.epochOf(SERVICE, "@redrive");
  expect(await letters.redrive({ dryRun: true })).toMatchObject({ dryRun: true, matched: 3, redriven: 3 });
  expect(await letters.discard({ dryRun: true })).toMatchObject({ dryRun: true, discarded: 3 });
  expect([0, 1, 2].flatMap((lane) => [...requests(lane), ...markers(lane)])).toEqual([]);
  expect(cluster.epochOf(SERVICE, "@redrive")).toBe(epoch);
  expect(await placesOf(letters)).toHaveLength(3);
});

test("only what is selected is sent", async () => {
  const { open, bury, requests } = await startWorld();
  for (const id of ["a", "b", "c", "d"])
    await bury(0, recordOf({ id, handler: id === "c" ? "close" : "open" }));
  await bury(1, recordOf({ id: "b", handler: "open" }));
  const letters = await open();
  expect(await letters.redrive({ ids: ["b", "c", "x"], lane: 0, handler: "open" })).toMatchObject({
    matched: 1,
  });
  expect(requests(0)).toMatchObject([{ id: "b" }]);
  expect(requests(1)).toEqual([]);
  expect(await placesOf(letters)).toEqual(["0/0", "0/2", "0/3", "1/0"]);
});

test("at most as many as the limit are judged, and the cursor goes on behind them", async () => {
  const { open, bury, requests } = await startWorld();
  for (let i = 0; i < 5; i++) await bury(0, recordOf({ id: `r${i}` }));
  const letters = await open();
  const first = await letters.redrive({ limit: 2 });
  expect(first).toMatchObject({ matched: 2, cursor: expect.any(String) });
  const second = await letters.redrive({ limit: 3, cursor: first.cursor as string });
  expect(second.matched).toBe(3);
  // What is left to be looked at are markers.
  const rest = await letters.redrive(second.cursor === undefined ? {} : { cursor: second.cursor });
  expect([rest.matched, rest.settledBefore, rest.cursor]).toEqual([0, 0, undefined]);
  expect(requests(0).map(({ id }) => id)).toEqual(["r0", "r1", "r2", "r3", "r4"]);
});

test("a letter of a request that was sent again and failed again is another letter", async () => {
  const { open, bury, read, requests } = await startWorld();
  await bury(0, recordOf({ id: "r" }));
  const letters = await open();
  await letters.redrive();
  const [again] = read(topics.requests.name, 0);
  await bury(0, again as NonNullable<typeof again>, { attempts: 2 });
  expect(await placesOf(letters)).toEqual(["0/2"]);
  await letters.redrive();
  expect(requests(0)).toMatchObject([
    { attempt: 4, redriven: 1 },
    { attempt: 6, redriven: 2 },
  ]);
});

test.each([
  ["ratePerSecond", { ratePerSecond: 0 }],
  ["ratePerSecond", { ratePerSecond: Number.NaN }],
  ["maxRedrives", { maxRedrives: 0 }],
  ["limit", { limit: 10_001 }],
  ["lane", { lane: 9 }],
  ["cursor", { cursor: "?" }],
  ["ids", { ids: Array.from({ length: 10_001 }, String) }],
])("%s that is not valid is refused, and nobody is fenced for it", async (name, options) => {
  const { cluster, open } = await startWorld();
  await expect((await open()).redrive(options)).rejects.toMatchObject({
    code: "SHARDCAST_INVALID_REQUEST",
    message: expect.stringContaining(`${name}:`),
  });
  expect(cluster.epochOf(SERVICE, "@redrive")).toBe(0);
});

test("a marker that speaks of letters behind it does not settle them", async () => {
  const { log, open, bury } = await startWorld();
  const forged = {
    redriveId: "r",
    how: "redriven" as const,
    atMs: 1,
    low: 0,
    letters: [{ from: 0, to: 99 }],
  };
  await bury(0, recordOf());
  await log.append({ topic: topics.dead.name, partition: 0, ...encodeRedriven(forged) });
  await bury(0, recordOf());
  expect(await placesOf(await open())).toEqual(["0/2"]);
});
