import { MAX_METADATA_BYTES } from "@shardcast/log";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeDoneAbove, encodeDoneAbove, WINDOW } from "../../src/execution/done-above.ts";
import { LaneProgress } from "../../src/execution/lane-progress.ts";

/** The same by remembering everything: which offsets the lane has, which were handed out, which are done. */
class Model {
  readonly offsets: number[];
  readonly done = new Set<number>();
  readonly open = new Set<number>();
  read = 0;

  constructor(gaps: readonly number[]) {
    let offset = 0;
    this.offsets = gaps.map((gap) => {
      offset += 1 + gap;
      return offset;
    });
  }

  isDone(offset: number): boolean {
    return this.done.has(offset);
  }
}

type Step =
  | { readonly kind: "admit" }
  | { readonly kind: "complete"; readonly which: number }
  | { readonly kind: "commit" }
  /** The process dies; with it what was not committed. `lost` records at the front are removed by retention. */
  | { readonly kind: "restart"; readonly lost: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: "admit" } as const) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("complete" as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.constant({ kind: "commit" } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("restart" as const),
      lost: fc.oneof(fc.constant(0), fc.nat(5)),
    }),
  },
);

test("C10: any order of admits, completions, commits and restarts tells exactly what is done", () => {
  const gaps = fc.array(fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat(20)), { maxLength: 60 });
  fc.assert(
    fc.property(gaps, fc.array(step, { maxLength: 200 }), (gaps, steps) => {
      const model = new Model(gaps);
      let progress = new LaneProgress(0, "");
      let saved = { offset: 0, metadata: "" };
      let savedDone = new Set<number>();
      for (const step of steps) {
        switch (step.kind) {
          case "admit": {
            const offset = model.offsets[model.read];
            if (offset === undefined) break;
            model.read++;
            expect(progress.admit(offset)).toBe(!model.isDone(offset));
            if (!model.isDone(offset)) model.open.add(offset);
            break;
          }
          case "complete": {
            const offset = [...model.open][step.which % Math.max(1, model.open.size)];
            if (offset === undefined) break;
            model.open.delete(offset);
            model.done.add(offset);
            progress.complete(offset);
            break;
          }
          case "commit":
            saved = progress.snapshot();
            savedDone = new Set(model.done);
            break;
          case "restart":
            progress = new LaneProgress(saved.offset, saved.metadata);
            model.done.clear();
            for (const offset of savedDone) model.done.add(offset);
            model.open.clear();
            model.read = model.offsets.findIndex((offset) => offset >= progress.lowWaterMark);
            if (model.read < 0) model.read = model.offsets.length;
            for (let i = 0; i < step.lost && model.read < model.offsets.length; i++) model.read++;
            break;
        }
        const { offset, metadata } = progress.snapshot();
        expect(progress.lowWaterMark).toBe(offset);
        // Below the mark, of what is (still) on the log, nothing is open, and the mark is as high as it can be.
        const oldestOpen = Math.min(...model.open);
        expect(offset).toBeLessThanOrEqual(oldestOpen);
        if (model.open.size > 0) expect(offset).toBe(oldestOpen);
        // Above it the metadata names what is done, and nothing else.
        const named = decodeDoneAbove(offset, metadata);
        const read = new Set(model.offsets.slice(0, model.read));
        for (const each of named) expect(model.isDone(each), `${each} is named`).toBe(true);
        for (const each of model.done)
          if (each > offset && read.has(each)) expect(named, `${each} is done`).toContain(each);
        for (const each of read) if (each < offset) expect(model.open.has(each)).toBe(false);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("done work that is not read again yet survives another commit", () => {
  const first = new LaneProgress(10, "");
  for (const offset of [10, 11, 12, 13]) first.admit(offset);
  first.complete(11);
  first.complete(13);
  const { offset, metadata } = first.snapshot();
  const second = new LaneProgress(offset, metadata);
  expect(second.snapshot()).toEqual({ offset: 10, metadata });
  expect(second.admit(10)).toBe(true);
  second.complete(10);
  expect(second.snapshot().offset).toBe(12); // 11 was done before
  expect(second.admit(11)).toBe(false);
  expect(second.admit(12)).toBe(true);
  second.complete(12);
  expect(second.snapshot()).toEqual({ offset: 14, metadata: "" });
});

test("done offsets that retention removed are forgotten, and the mark goes on", () => {
  const before = new LaneProgress(0, "");
  for (const offset of [0, 1, 2, 3]) before.admit(offset);
  before.complete(2);
  const { offset, metadata } = before.snapshot();
  const progress = new LaneProgress(offset, metadata);
  expect(progress.hasRoomFor(10 * WINDOW)).toBe(true); // nothing is open: the mark can go there
  expect(progress.admit(10 * WINDOW)).toBe(true);
  expect(progress.snapshot()).toEqual({ offset: 10 * WINDOW, metadata: "" });
  progress.complete(10 * WINDOW);
  expect(progress.snapshot()).toEqual({ offset: 10 * WINDOW + 1, metadata: "" });
});

test("C7: what is open limits how far ahead the lane may go, to what the metadata can name", () => {
  const progress = new LaneProgress(5, "");
  progress.admit(5);
  for (let offset = 6; progress.hasRoomFor(offset); offset++) {
    progress.admit(offset);
    progress.complete(offset);
  }
  const { offset, metadata } = progress.snapshot();
  expect(offset).toBe(5);
  expect(metadata).toHaveLength(MAX_METADATA_BYTES);
  expect(progress.hasRoomFor(5 + WINDOW)).toBe(true);
  expect(progress.hasRoomFor(6 + WINDOW)).toBe(false);
  progress.complete(5);
  expect(progress.hasRoomFor(6 + WINDOW)).toBe(true);
  expect(progress.snapshot()).toEqual({ offset: 6 + WINDOW, metadata: "" });
});

test("garbage as metadata is no progress", () => {
  const progress = new LaneProgress(3, "b not ours");
  expect(progress.snapshot()).toEqual({ offset: 3, metadata: "" });
  expect(progress.admit(4)).toBe(true);
});

test("C3: what a commit would make done is in its snapshot as if it were done, and in no other", () => {
  const offsets = fc.uniqueArray(fc.nat(60), { maxLength: 40 });
  fc.assert(
    fc.property(fc.nat(10), offsets, offsets, offsets, (low, restored, done, also) => {
      const metadata = encodeDoneAbove(
        low,
        restored.map((offset) => low + 1 + offset),
      );
      const make = (completed: readonly number[]) => {
        const progress = new LaneProgress(low, metadata);
        const admitted = new Set<number>();
        for (let offset = low; offset < low + 30; offset++) if (progress.admit(offset)) admitted.add(offset);
        for (const each of completed) if (admitted.has(low + each)) progress.complete(low + each);
        return { progress, admitted };
      };
      const { progress, admitted } = make(done);
      const before = progress.snapshot();
      const open = also.map((each) => low + each).filter((each) => admitted.has(each));
      const expected = make([...done, ...also]).progress.snapshot();
      expect(progress.snapshot(new Set(open))).toEqual(expected);
      expect(progress.snapshot()).toEqual(before);
    }),
  );
});
