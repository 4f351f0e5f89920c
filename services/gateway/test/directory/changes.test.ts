import { expect, it } from "vitest";
import { changes } from "../../src/directory/changes.ts";

/** A number that is watched in two ways, and an end. */
function number() {
  const listeners = new Set<() => void>();
  const abort = new AbortController();
  const state = { value: 0, noise: 0, reads: 0 };
  const watch = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const source = changes({
    watches: [(listener) => watch(listener), (listener) => watch(() => listener())],
    read: async () => {
      state.reads++;
      return { ...state };
    },
    essence: ({ value }) => String(value),
    signal: abort.signal,
  });
  const change = (to: Partial<typeof state>) => {
    Object.assign(state, to);
    for (const listener of [...listeners]) listener();
  };
  return { source, state, change, listeners, abort };
}

const quiet = () => new Promise((resolve) => setImmediate(resolve));

it("gives what is now, and again after each change, but not after what is none", async () => {
  const { source, change, state } = number();
  expect((await source.next()).value).toMatchObject({ value: 0 });
  let told = false;
  const next = source.next().then((each) => {
    told = true;
    return each;
  });
  await quiet();
  change({ noise: 1 });
  await quiet();
  expect([told, state.reads]).toEqual([false, 2]);
  change({ value: 1 });
  expect((await next).value).toMatchObject({ value: 1 });
});

it("C7: gives the newest to who reads slowly, once, and nothing queues up", async () => {
  const { source, change, state } = number();
  await source.next();
  for (let value = 1; value <= 1_000; value++) change({ value });
  expect((await source.next()).value).toMatchObject({ value: 1_000 });
  expect(state.reads).toBe(2);
});

it("gives what changed while it was read", async () => {
  const { source, change } = number();
  const first = source.next();
  change({ value: 1 });
  await first;
  change({ value: 2 });
  expect((await source.next()).value).toMatchObject({ value: 2 });
});

it("ends when the signal fires, also while it waits, and leaves nothing behind", async () => {
  const { source, abort, listeners } = number();
  await source.next();
  const waiting = source.next();
  await quiet();
  expect(listeners.size).toBe(2);
  abort.abort();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(listeners.size).toBe(0);
});

it("leaves nothing behind when its reader goes", async () => {
  const { source, listeners } = number();
  await source.next();
  await source.return();
  expect(listeners.size).toBe(0);
});
