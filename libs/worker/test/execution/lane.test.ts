import type { LogRecord } from "@shardcast/log";
import { encodeRequest, newRequestId, topicsOf } from "@shardcast/protocol";
import fc from "fast-check";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { tellAttempts } from "../../src/execution/attempt-news.ts";
import { appendAtOnce } from "../../src/execution/delivery.ts";
import { encodeDoneAbove, WINDOW } from "../../src/execution/done-above.ts";
import { Lane, type LaneOptions } from "../../src/execution/lane.ts";
import { OwedCallbacks } from "../../src/execution/owed-callbacks.ts";
import { Settler } from "../../src/execution/settle.ts";
import { Stage } from "../support/stage.ts";
import { quiet, REQUESTS, SERVICE, World } from "../support/world.ts";

/** A lane by itself, and a reader that obeys it. */
async function laneOf(options: Partial<LaneOptions> = {}, from = { lane: 0, offset: 0, metadata: "" }) {
  const lost = new AbortController();
  const { log } = await World.open();
  const stage = new Stage();
  const scope = {
    service: SERVICE,
    member: "0",
    lane: 0,
    fencingToken: 1,
    signal: lost.signal,
    over: lost.signal,
    lease: { valid: true, held: async () => {} },
    logger: pino({ level: "silent" }),
  };
  const reader = { paused: false, pauses: 0, resumes: 0 };
  const delivery = appendAtOnce(log, scope);
  const topics = topicsOf(SERVICE, { lanes: 1 });
  const results = { get: () => undefined, note: () => {} };
  const callbacks = new OwedCallbacks({ log, service: scope.service, topicPrefix: "", logger: scope.logger });
  const settler = new Settler({ scope, topics, delivery, committed: delivery, results, log, callbacks });
  const lane = new Lane(
    {
      scope,
      handlerFor: () => stage.handler,
      settler,
      results,
      newsOf: (request) => tellAttempts(log, topics, scope, request),
      concurrency: 10_000,
      maxQueued: 10_000,
      maxQueuedBytes: 10_000_000,
      maxAttempts: 1,
      retryMinMs: 1,
      retryMaxMs: 1,
      pause: () => {
        reader.paused = true;
        reader.pauses++;
      },
      resume: () => {
        reader.paused = false;
        reader.resumes++;
      },
      ...options,
    },
    from,
  );
  onTestFinished(() => void lane.drain());
  return { lane, stage, reader, lost, settler };
}

function record(offset: number, bytes = 1): LogRecord {
  return {
    topic: REQUESTS,
    partition: 0,
    offset,
    timestampMs: 0,
    key: Buffer.from(`k${offset}`),
    value: Buffer.alloc(bytes, `${offset % 10}`),
    headers: {},
  };
}

const offsetsOf = (stage: Stage) => stage.calls.map(({ context }) => context.offset);

test("C7: the reader is paused over maxQueued and resumed when there is room; nothing is lost or reordered", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      async (maxQueued, batches, picks) => {
        const { lane, stage, reader } = await laneOf({ maxQueued });
        lane.begin();
        let next = 0;
        let ended = 0;
        const open = new Set<number>();
        const queue = [...batches];
        for (const pick of picks) {
          while (!reader.paused && queue.length > 0) {
            const size = queue.shift() ?? 0;
            lane.accept(Array.from({ length: size }, () => record(next++)));
          }
          await quiet();
          expect(stage.calls.length - ended).toBeLessThanOrEqual(maxQueued);
          expect(lane.queued).toBeLessThanOrEqual(maxQueued + 12);
          for (let i = ended + open.size; i < stage.calls.length; i++) open.add(i);
          const which = [...open][pick % Math.max(1, open.size)];
          if (which === undefined) break;
          open.delete(which);
          ended++;
          stage.calls[which]?.end();
          await quiet();
        }
        expect(offsetsOf(stage)).toEqual(Array.from({ length: next }, (_, i) => i));
        expect(next).toBe(batches.reduce((a, b) => a + b));
        expect(reader.paused).toBe(false);
        expect(lane.snapshot()).toMatchObject({ offset: next, metadata: "" });
        expect(lane.queued).toBe(0);
      },
    ),
    { numRuns: 40 },
  );
});

test("C7: the same over maxQueuedBytes", async () => {
  const { lane, stage, reader } = await laneOf({ maxQueuedBytes: 2_000 });
  lane.begin();
  lane.accept([record(0, 1_500), record(1, 1_500), record(2, 1_500)]);
  await stage.started(2);
  await quiet();
  expect([offsetsOf(stage), reader.paused]).toEqual([[0, 1], true]);
  stage.calls[1]?.end();
  await stage.started(3);
  expect([offsetsOf(stage), reader.paused]).toEqual([[0, 1, 2], false]);
});

test("C7: the reader waits when the metadata could not name what is done further on", async () => {
  const { lane, stage, reader } = await laneOf();
  lane.begin();
  lane.accept([record(0), record(WINDOW), record(WINDOW + 1)]);
  const [first, second] = [await stage.started(1), await stage.started(2)];
  second.end();
  await quiet();
  expect([offsetsOf(stage), reader.paused]).toEqual([[0, WINDOW], true]);
  first.end();
  await stage.started(3);
  expect(reader.paused).toBe(false);
});

test("a gap wider than the metadata can name, where retention removed records, does not stop the lane", async () => {
  const { lane, stage, reader } = await laneOf({}, { lane: 0, offset: 10, metadata: "" });
  lane.begin();
  lane.accept([record(10 * WINDOW)]);
  (await stage.started(1)).end();
  await quiet();
  expect(reader.pauses).toBe(0);
  expect(lane.snapshot()).toMatchObject({ offset: 10 * WINDOW + 1, metadata: "" });
});

test("nothing is handled before the lane begins; what was read by then waits, and the reader with it", async () => {
  const { lane, stage, reader } = await laneOf();
  lane.accept([record(0)]);
  lane.accept([record(1)]);
  await quiet();
  expect([offsetsOf(stage), reader.paused]).toEqual([[], true]);
  lane.begin();
  await stage.started(2);
  expect([offsetsOf(stage), reader.paused]).toEqual([[0, 1], false]);
});

test("a lane that drains reads no more", async () => {
  const { lane, stage, reader } = await laneOf({ maxQueued: 1 });
  lane.begin();
  lane.accept([record(0)]);
  const call = await stage.started(1);
  const drained = lane.drain();
  expect(reader.paused).toBe(true);
  lane.accept([record(1)]);
  expect(lane.queued).toBe(1); // the one that runs
  call.end();
  await drained;
  await quiet();
  expect([offsetsOf(stage), reader.resumes]).toEqual([[0], 0]);
});

test("C2: a lane that is lost starts no handler, before anything else is told", async () => {
  const { lane, stage, lost } = await laneOf({ concurrency: 1 });
  lane.begin();
  lane.accept([record(0), record(1)]);
  const call = await stage.started(1);
  lost.abort();
  lane.accept([record(2)]);
  call.end();
  await quiet();
  expect(offsetsOf(stage)).toEqual([0]);
});

test("progress is told once, again until it is confirmed, and again when it changes", async () => {
  const { lane, stage } = await laneOf();
  lane.begin();
  expect(lane.progress()).toBeUndefined();
  lane.accept([record(0), record(1)]);
  await stage.started(2);
  expect(lane.progress()).toBeUndefined();
  stage.calls[0]?.end();
  await quiet();
  expect(lane.progress()?.progress).toEqual({ lane: 0, offset: 1, metadata: "" });
  const told = lane.progress();
  stage.calls[1]?.end();
  await quiet();
  told?.confirm();
  const later = lane.progress();
  expect(later?.progress.offset).toBe(2);
  later?.confirm();
  expect(lane.progress()).toBeUndefined();
});

test("a worker with little room handles everything, in order", async () => {
  const world = await World.open();
  const handled: number[] = [];
  for (let i = 0; i < 500; i++) await world.send("k", `${i}`);
  await world.start({ maxQueued: 3, defaultHandler: (request) => void handled.push(Number(request.text())) });
  await world.committedAt(500);
  expect(handled).toEqual(Array.from({ length: 500 }, (_, i) => i));
});

test("C1: a record that is delivered twice is handled once", async () => {
  const { lane, stage } = await laneOf();
  lane.begin();
  lane.accept([record(0), record(1)]);
  lane.accept([record(1), record(2)]);
  lane.accept([record(0)]);
  await stage.started(3);
  await quiet();
  expect(stage.calls.map(({ context }) => context.offset)).toEqual([0, 1, 2]);
});

/** A record that waits until then. */
function delayed(offset: number, notBeforeMs: number): LogRecord {
  const key = Buffer.from("delayed");
  const request = { id: newRequestId(0), service: SERVICE, key, handler: "", notBeforeMs, attempt: 1 };
  return { ...record(offset), ...encodeRequest({ ...request, headers: {}, body: Buffer.from("delayed") }) };
}

/** A lane that has gone on past a request that waits, by so many records, done before a restart; and what it moves. */
async function lanePast(notBeforeMs: number, records: number) {
  const moved: number[] = [];
  const done = Array.from({ length: Math.min(records, WINDOW) }, (_, i) => i + 1);
  const from = { lane: 0, offset: 0, metadata: encodeDoneAbove(0, done) };
  const { lane, reader, settler } = await laneOf({ handlerFor: () => () => {} }, from);
  vi.spyOn(settler, "moveToEnd").mockImplementation(async ({ offset }) => void moved.push(offset));
  lane.begin();
  lane.accept([delayed(0, notBeforeMs), ...Array.from({ length: records }, (_, i) => record(i + 1))]);
  await vi.waitFor(() => expect(lane.queued).toBe(moved.length === 0 ? 1 : 0), { timeout: 4_000 });
  return { lane, reader, moved };
}

test("C7: a lane that may not run further ahead of a request that waits puts it at its end, and goes on", async () => {
  const { lane, reader, moved } = await lanePast(Date.now() + 50_000, WINDOW + 9);
  expect(moved).toEqual([0]);
  expect(lane.position).toBe(WINDOW + 10);
  expect(reader.paused).toBe(false);
});

test("C7: one that has long to wait is put there before the lane has to stop for it; another is not", async () => {
  const far = await lanePast(Date.now() + 3_600_000, WINDOW / 2 + 9);
  expect(far.moved).toEqual([0]);
  expect(far.lane.position).toBe(WINDOW / 2 + 10);
  expect(far.reader.pauses).toBe(0);
  const near = await lanePast(Date.now() + 50_000, WINDOW / 2 + 9);
  expect(near.moved).toEqual([]);
  expect(near.lane.position).toBe(0);
  const young = await lanePast(Date.now() + 3_600_000, WINDOW / 2 - 9);
  expect(young.moved).toEqual([]);
});
