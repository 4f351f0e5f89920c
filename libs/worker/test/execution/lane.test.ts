import type { LogRecord } from "@shardcast/log";
import { topicsOf } from "@shardcast/protocol";
import fc from "fast-check";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { appendAtOnce } from "../../src/execution/delivery.ts";
import { WINDOW } from "../../src/execution/done-above.ts";
import { Lane, type LaneOptions } from "../../src/execution/lane.ts";
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
  const lane = new Lane(
    {
      scope,
      handlerFor: () => stage.handler,
      settler: new Settler(appendAtOnce(log, scope), topicsOf(SERVICE, { lanes: 1 }), scope),
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
  return { lane, stage, reader, lost };
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
