import type { AppendRecord } from "@shardcast/log";
import { expect, test, vi } from "vitest";
import { Outbox } from "../../src/execution/outbox.ts";

const RECORD: AppendRecord = { topic: "t", partition: 0, key: null, value: null, headers: {} };
const never = new AbortController().signal;

function item(lane = 0) {
  return { lane, records: [RECORD], include: vi.fn() };
}

test("an item stays until it is confirmed: a commit that failed is followed by one with the same items", async () => {
  const onItem = vi.fn();
  const outbox = new Outbox(onItem);
  const first = item();
  const added = outbox.add(first, never);
  expect(onItem).toHaveBeenCalledTimes(1);
  const peeked = outbox.peek();
  expect(outbox.peek()).toEqual(peeked);
  const later = outbox.add(item(), never);
  outbox.confirm(peeked);
  await added;
  expect(outbox.size).toBe(1);
  outbox.confirm(outbox.peek());
  await later;
  expect(outbox.size).toBe(0);
});

test("C4: what is lost is not sent any more", async () => {
  const outbox = new Outbox(() => {});
  const lost = new AbortController();
  const gone = outbox.add(item(0), lost.signal);
  void outbox.add(item(1), never);
  lost.abort(new Error("lost"));
  await expect(gone).rejects.toThrow("lost");
  expect(outbox.peek().map(({ lane }) => lane)).toEqual([1]);
  await expect(outbox.add(item(0), lost.signal)).rejects.toThrow("lost");
  expect(outbox.size).toBe(1);
});

test("a loss after the confirmation changes nothing", async () => {
  const outbox = new Outbox(() => {});
  const lost = new AbortController();
  const added = outbox.add(item(), lost.signal);
  outbox.confirm(outbox.peek());
  lost.abort();
  await added;
});
