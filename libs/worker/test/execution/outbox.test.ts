import type { AppendRecord } from "@shardcast/log";
import { expect, test, vi } from "vitest";
import { Outbox } from "../../src/execution/outbox.ts";
import { quiet } from "../support/world.ts";

const RECORD: AppendRecord = { topic: "t", partition: 0, key: null, value: null, headers: {} };
const never = new AbortController().signal;

function item(lane = 0, offset = 0) {
  const complete = vi.fn<(offset: number) => void>();
  return { lane, offset, source: { progress: () => undefined, complete }, records: [RECORD], complete };
}

/** Whether a promise is settled, once everything that can has gone on. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const end = () => {
    done = true;
  };
  promise.then(end, end);
  await quiet();
  return done;
}

test("C3: a request is done when its commit is confirmed, not when that begins", async () => {
  const onItem = vi.fn();
  const outbox = new Outbox(onItem);
  const first = item(0, 7);
  const added = outbox.add(first, never);
  expect(onItem).toHaveBeenCalledTimes(1);
  expect(outbox.take()?.items).toEqual([first]);
  expect(first.complete).not.toHaveBeenCalled();
  outbox.confirm();
  expect(first.complete).toHaveBeenCalledWith(7);
  await added;
  expect(outbox.take()).toBeUndefined();
});

test("C3: what a commit did not write goes into the next, before what came later", async () => {
  const outbox = new Outbox(() => {});
  const first = item(0, 1);
  const later = item(0, 2);
  const added = outbox.add(first, never);
  outbox.take();
  const addedLater = outbox.add(later, never);
  outbox.giveBack();
  expect(first.complete).not.toHaveBeenCalled();
  expect(outbox.take()?.items).toEqual([first, later]);
  outbox.confirm();
  await added;
  await addedLater;
});

test("C4: what is lost is not sent any more", async () => {
  const outbox = new Outbox(() => {});
  const lost = new AbortController();
  const gone = outbox.add(item(0), lost.signal);
  void outbox.add(item(1), never);
  lost.abort(new Error("lost"));
  await expect(gone).rejects.toThrow("lost");
  await expect(outbox.add(item(0), lost.signal)).rejects.toThrow("lost");
  expect(outbox.take()?.items.map(({ lane }) => lane)).toEqual([1]);
});

test("C3: what was dropped while its commit was under way is done if that was written", async () => {
  const outbox = new Outbox(() => {});
  const lost = new AbortController();
  const dropped = item(0, 5);
  const gone = outbox.add(dropped, lost.signal);
  outbox.take();
  lost.abort(new Error("lost"));
  await expect(gone).rejects.toThrow("lost");
  outbox.confirm();
  expect(dropped.complete).toHaveBeenCalledWith(5);
});

test("C4: what was dropped while its commit was under way is in no other", async () => {
  const outbox = new Outbox(() => {});
  const lost = new AbortController();
  const gone = outbox.add(item(), lost.signal);
  outbox.take();
  lost.abort(new Error("lost"));
  await expect(gone).rejects.toThrow("lost");
  outbox.giveBack();
  expect(outbox.take()).toBeUndefined();
});

test.each([
  ["confirmed", (outbox: Outbox) => outbox.confirm()],
  ["given back", (outbox: Outbox) => outbox.giveBack()],
])(
  "C10: a lane is settled when the commit with its items is %s, also when they were dropped",
  async (_, end) => {
    const outbox = new Outbox(() => {});
    const lost = new AbortController();
    outbox.add(item(0), lost.signal).catch(() => {});
    await outbox.settled(0);
    outbox.take();
    lost.abort();
    const settled = outbox.settled(0);
    await outbox.settled(1);
    expect(await isDone(settled)).toBe(false);
    end(outbox);
    await settled;
  },
);

test("a loss after the confirmation changes nothing", async () => {
  const outbox = new Outbox(() => {});
  const lost = new AbortController();
  const added = outbox.add(item(), lost.signal);
  outbox.take();
  outbox.confirm();
  lost.abort();
  await added;
});
