import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Followed, type FollowTimes } from "../src/followed.ts";
import type { Resource } from "../src/resource.ts";
import { FakeApi } from "./support/fake-api.ts";
import { recordingLogger } from "./support/logger.ts";

const PATH = "/apis/apps/v1/namespaces/bank/statefulsets";

interface Thing extends Resource {
  readonly size: number;
}

const thing = (name: string, version: number, size: number): Thing => ({
  metadata: { name, resourceVersion: String(version) },
  size,
});

/** What follows the fake API, trying again at once. Nothing is heard of time unless the test says so. */
async function follow(times: Partial<FollowTimes> = {}) {
  const api = await FakeApi.start();
  const { logger, ...log } = recordingLogger();
  const seen: Record<string, number>[] = [];
  const waiting: (() => void)[] = [];
  const followed = new Followed<Thing, number>({
    cluster: api.cluster(),
    path: PATH,
    query: { fieldSelector: "metadata.name=a" },
    trim: ({ size }) => size,
    logger,
    onChange: (items) => {
      seen.push(Object.fromEntries(items));
      for (const resolve of waiting.splice(0)) resolve();
    },
    times: { retryMinMs: 1, retryMaxMs: 4, ...times },
  });
  onTestFinished(() => followed.close());
  /** Resolves when it has been told so many times. */
  const told = async (count: number) => {
    while (seen.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    return seen;
  };
  /** Answers its first list, and opens its first watch. */
  const begin = async () => {
    (await api.nextList()).list("10", thing("a", 9, 1));
    return api.nextWatch();
  };
  return { api, followed, seen, told, begin, ...log };
}

describe("what is followed", () => {
  it("is listed and then watched from there, with our credentials and the selector", async () => {
    const { api, told } = await follow();
    const list = await api.nextList();
    expect(list).toMatchObject({ path: PATH, query: { fieldSelector: "metadata.name=a" } });
    expect(list.headers.authorization).toBe("Bearer a-token");
    list.list("10", thing("a", 9, 1), thing("b", 8, 2));
    const watch = await api.nextWatch();
    expect(watch).toMatchObject({
      path: PATH,
      query: {
        ...{ fieldSelector: "metadata.name=a", resourceVersion: "10" },
        ...{ timeoutSeconds: "30", allowWatchBookmarks: "true" },
      },
    });
    expect(watch.headers.authorization).toBe("Bearer a-token");
    watch.event("MODIFIED", thing("a", 11, 3));
    watch.event("ADDED", thing("c", 12, 4));
    watch.event("DELETED", thing("b", 13, 2));
    expect(await told(4)).toEqual([
      { a: 1, b: 2 },
      { a: 3, b: 2 },
      { a: 3, b: 2, c: 4 },
      { a: 3, c: 4 },
    ]);
  });

  it("is told of events that come in pieces, and several at once", async () => {
    const { begin, told } = await follow();
    const watch = await begin();
    const text = (version: number, size: number) =>
      `${JSON.stringify({ type: "MODIFIED", object: { ...thing("a", version, size), note: "grün" } })}\n`;
    const bytes = Buffer.from(text(11, 2) + text(12, 3) + text(13, 4));
    // In the middle of a letter as well.
    const half = bytes.indexOf("ü") + 1;
    watch.raw(bytes.subarray(0, half));
    watch.raw(bytes.subarray(half));
    expect((await told(4)).map(({ a }) => a)).toEqual([1, 2, 3, 4]);
  });

  it("goes on from the last version, a bookmark's too, when a watch's time is over", async () => {
    const { api, begin, seen, warnings } = await follow();
    const first = await begin();
    first.event("MODIFIED", thing("a", 11, 2));
    first.end();
    const second = await api.nextWatch();
    expect(second.query.resourceVersion).toBe("11");
    second.event("BOOKMARK", { metadata: { resourceVersion: "50" } });
    second.end();
    expect((await api.nextWatch()).query.resourceVersion).toBe("50");
    expect(seen).toEqual([{ a: 1 }, { a: 2 }]);
    expect(warnings()).toEqual([]);
  });

  it.each([
    ["as an event", (api: FakeApi) => goneAsEvent(api)],
    ["as an answer", (api: FakeApi) => goneAsAnswer(api)],
  ])("is listed anew when its version is gone (410), %s", async (_, gone) => {
    const { api, told, warnings } = await follow();
    (await api.nextList()).list("10", thing("a", 9, 1));
    await gone(api);
    (await api.nextList()).list("90", thing("a", 80, 5));
    expect((await api.nextWatch()).query.resourceVersion).toBe("90");
    expect(await told(2)).toEqual([{ a: 1 }, { a: 5 }]);
    expect(warnings()).toEqual([]);
  });

  it("is listed page by page, and watched from the version of the list", async () => {
    const { api, told } = await follow();
    const first = await api.nextList();
    expect(first.query).toEqual({ fieldSelector: "metadata.name=a", limit: "250" });
    first.page("10", "next=", thing("a", 9, 1));
    const second = await api.nextList();
    expect(second.query).toMatchObject({ fieldSelector: "metadata.name=a", continue: "next=" });
    second.page("10", "last", thing("b", 8, 2));
    const third = await api.nextList();
    expect(third.query).toMatchObject({ continue: "last" });
    // Later than the first page: what changed in that one meanwhile is to be told as well.
    third.page("17", "", thing("c", 7, 3));
    expect((await api.nextWatch()).query.resourceVersion).toBe("10");
    expect(await told(1)).toEqual([{ a: 1, b: 2, c: 3 }]);
  });

  it("is listed anew from its first page when the next one has expired (410)", async () => {
    const { api, told, warnings } = await follow();
    (await api.nextList()).page("10", "next", thing("a", 9, 1), thing("gone", 9, 1));
    (await api.nextList()).answer(410, {
      ...{
        kind: "Status",
        code: 410,
        reason: "Expired",
        message: "The provided continue parameter is too old",
      },
      // An offer to go on with what is now, and not with what the first page was of.
      metadata: { continue: "inconsistent" },
    });
    const again = await api.nextList();
    expect(again.query.continue).toBeUndefined();
    again.page("20", "next2", thing("a", 19, 5));
    (await api.nextList()).page("20", undefined, thing("b", 8, 2));
    expect((await api.nextWatch()).query.resourceVersion).toBe("20");
    // Nothing of a list that was not read to its end.
    expect(await told(1)).toEqual([{ a: 5, b: 2 }]);
    expect(warnings()).toEqual([]);
  });

  it("keeps what was read while a list breaks off between its pages", async () => {
    const { api, begin, seen, told } = await follow();
    (await begin()).cut();
    (await api.nextList()).page("20", "next", thing("b", 19, 2));
    (await api.nextList()).cut();
    (await api.nextList()).list("30", thing("c", 29, 3));
    await told(2);
    expect(seen).toEqual([{ a: 1 }, { c: 3 }]);
  });

  it("is listed anew when the connection breaks within an event", async () => {
    const { api, begin, told, warnings } = await follow();
    const watch = await begin();
    watch.raw('{"type":"MODIFIED","object":{"metadata":{"na');
    watch.cut();
    (await api.nextList()).list("20", thing("a", 19, 2));
    await api.nextWatch();
    expect(await told(2)).toEqual([{ a: 1 }, { a: 2 }]);
    expect(warnings()).toHaveLength(1);
  });

  it("is listed anew when a watch ends within an event as if in good order", async () => {
    const { api, begin, told } = await follow();
    const watch = await begin();
    watch.raw('{"type":"MODIFIED","object":{"metadata":{"na');
    watch.end();
    (await api.nextList()).list("20", thing("a", 19, 2));
    expect(await told(2)).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it.each([
    ["no JSON", "{nonsense"],
    ["no event", '{"type":"PARTY","object":{}}'],
    ["an object without a name", '{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"3"}}}'],
    ["nothing at all", "null"],
  ])("is listed anew after a line that makes no sense: %s", async (_, line) => {
    const { api, begin, told, lines } = await follow();
    const watch = await begin();
    watch.raw(`${line}\n`);
    await watch.gone;
    (await api.nextList()).list("20", thing("a", 19, 2));
    await api.nextWatch();
    expect(await told(2)).toEqual([{ a: 1 }, { a: 2 }]);
    expect(lines.filter(({ level }) => level === 40)).toHaveLength(1);
  });

  it("survives an API server that goes away and comes back on its port, and tells it once", async () => {
    const { api, begin, told, warnings, lines } = await follow();
    await begin();
    await api.down();
    // Several attempts find nobody there.
    await expect.poll(() => warnings().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    await api.up();
    (await api.nextList()).list("20", thing("a", 19, 2));
    await api.nextWatch();
    expect(await told(2)).toEqual([{ a: 1 }, { a: 2 }]);
    const again = () => lines.filter(({ msg }) => msg === "following the Kubernetes API again");
    await expect.poll(() => again().length).toBe(1);
    // What broke, and that nobody is there: not every attempt.
    expect(warnings().length).toBeLessThanOrEqual(3);
  });

  it("is listed anew over another connection when a watch is silent", async () => {
    const { api, begin, told, warnings } = await follow({ watchMs: 20, slackMs: 20 });
    const watch = await begin();
    await watch.gone;
    (await api.nextList()).list("20", thing("a", 19, 2));
    expect(await told(2)).toEqual([{ a: 1 }, { a: 2 }]);
    expect(warnings()).toHaveLength(1);
  });

  it("is asked for again when a list is not answered", async () => {
    const { api, told } = await follow({ listMs: 50 });
    await (await api.nextList()).gone;
    const done = told(1).then(() => undefined);
    // On a slow machine more than one may be too late.
    for (;;) {
      const asked = await Promise.race([done, api.next()]);
      if (asked === undefined) break;
      if (!asked.isWatch) asked.list("20", thing("a", 19, 2));
    }
    expect((await told(1))[0]).toEqual({ a: 2 });
  });

  it("is tried on when it is forbidden, which is told once and with what is missing", async () => {
    const { api, told, lines } = await follow();
    const message = 'statefulsets.apps "a" is forbidden: User "me" cannot list resource "statefulsets"';
    for (let attempt = 0; attempt < 5; attempt++) {
      (await api.nextList()).answer(403, { kind: "Status", code: 403, message });
    }
    (await api.nextList()).list("10", thing("a", 9, 1));
    expect(await told(1)).toEqual([{ a: 1 }]);
    const warned = lines.filter(({ level }) => level === 40);
    expect(warned).toMatchObject([{ err: { message: expect.stringContaining(message) } }]);
  });

  it("goes on by listing, told once, where only the watch is forbidden", async () => {
    const { api, told, warnings } = await follow();
    for (const version of ["1", "2", "3", "4"]) {
      (await api.nextList()).list(version, thing("a", 1, Number(version)));
      const watch = await api.next();
      expect(watch.isWatch).toBe(true);
      watch.answer(403, { kind: "Status", message: "cannot watch" });
    }
    expect((await told(4)).map(({ a }) => a)).toEqual([1, 2, 3, 4]);
    await api.nextList();
    expect(warnings()).toHaveLength(1);
  });

  it.each([
    ["no list", { metadata: {}, items: [] }],
    ["a list without items", { metadata: { resourceVersion: "1" } }],
    ["objects without names", { metadata: { resourceVersion: "1" }, items: [{}] }],
  ])("is asked for again after an answer that makes no sense: %s", async (_, body) => {
    const { api, seen, told } = await follow();
    (await api.nextList()).answer(200, body);
    (await api.nextList()).list("10", thing("a", 9, 1));
    await told(1);
    expect(seen).toEqual([{ a: 1 }]);
  });

  it("is asked for ever more seldom while nothing works, and at once after what worked", async () => {
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    const random = vi.spyOn(Math, "random").mockReturnValue(0);
    onTestFinished(() => {
      setTimer.mockRestore();
      random.mockRestore();
    });
    const times = { listMs: 40_001, watchMs: 50_000, slackMs: 1, retryMinMs: 1, retryMaxMs: 6 };
    const { api, told } = await follow(times);
    for (let attempt = 0; attempt < 5; attempt++) (await api.nextList()).answer(500, {});
    const waits = () => setTimer.mock.calls.map(([, ms]) => ms).filter((ms) => ms !== undefined && ms <= 6);
    const list = await api.nextList();
    expect(waits()).toEqual([1, 2, 4, 6, 6]);
    list.list("10", thing("a", 9, 1));
    const watch = await api.nextWatch();
    watch.event("MODIFIED", thing("a", 11, 2));
    await told(2);
    watch.cut();
    await api.nextList();
    expect(waits().at(-1)).toBe(1);
  });

  it("knows how long the API server has been silent", async () => {
    const { api, followed, told } = await follow();
    expect(followed.silentMs).toBeUndefined();
    (await api.nextList()).list("10", thing("a", 9, 1));
    const watch = await api.nextWatch();
    await told(1);
    const before = followed.silentMs ?? Number.NaN;
    expect(before).toBeGreaterThanOrEqual(0);
    const now = vi.spyOn(performance, "now").mockReturnValue(performance.now() + 60_000);
    onTestFinished(() => now.mockRestore());
    expect(followed.silentMs).toBeGreaterThanOrEqual(60_000);
    watch.event("BOOKMARK", { metadata: { resourceVersion: "11" } });
    await expect.poll(() => followed.silentMs).toBe(0);
  });
});

describe("closing what follows", () => {
  it.each([
    ["a list is under way", async (api: FakeApi) => api.nextList()],
    [
      "a watch is asked for",
      async (api: FakeApi) => {
        (await api.nextList()).list("10");
        return api.next();
      },
    ],
    [
      "a watch goes on",
      async (api: FakeApi) => {
        (await api.nextList()).list("10");
        return api.nextWatch();
      },
    ],
  ])("ends the connection when %s", async (_, reach) => {
    const { api, followed, warnings } = await follow();
    const asked = await reach(api);
    followed.close();
    await asked.gone;
    await expect.poll(() => api.connections).toBe(0);
    expect(api.left).toBe(0);
    expect(warnings()).toEqual([]);
  });

  it("ends the wait for the next attempt, leaves no timer behind and asks no more", async () => {
    const set = vi.spyOn(globalThis, "setTimeout");
    const cleared = vi.spyOn(globalThis, "clearTimeout");
    onTestFinished(() => {
      set.mockRestore();
      cleared.mockRestore();
    });
    const { api, followed, warnings } = await follow({ retryMinMs: 30_000, retryMaxMs: 30_000 });
    (await api.nextList()).answer(500, {});
    await expect.poll(() => warnings().length).toBe(1);
    const waits = () =>
      set.mock.results
        .filter((_, call) => Number(set.mock.calls[call]?.[1]) >= 15_000)
        .map(({ value }) => value);
    await expect.poll(() => waits().length).toBe(1);
    followed.close();
    expect(cleared.mock.calls.map(([timer]) => timer)).toContain(waits()[0]);
    followed.close();
  });

  it("tells nothing more, of what has come already neither", async () => {
    const api = await FakeApi.start();
    const { logger } = recordingLogger();
    const told = Promise.withResolvers<void>();
    let count = 0;
    const followed: Followed<Thing, number> = new Followed<Thing, number>({
      ...{ cluster: api.cluster(), path: PATH, query: {}, trim: ({ size }: Thing) => size, logger },
      onChange: () => {
        if (++count < 2) return;
        followed.close();
        told.resolve();
      },
    });
    (await api.nextList()).list("10", thing("a", 9, 1));
    const watch = await api.nextWatch();
    const line = (version: number) =>
      `${JSON.stringify({ type: "MODIFIED", object: thing("a", version, 2) })}\n`;
    watch.raw(line(11) + line(12) + line(13));
    await told.promise;
    await watch.gone;
    expect(count).toBe(2);
  });
});

async function goneAsEvent(api: FakeApi): Promise<void> {
  const watch = await api.nextWatch();
  watch.event("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" });
}

async function goneAsAnswer(api: FakeApi): Promise<void> {
  const watch = await api.next();
  expect(watch.isWatch).toBe(true);
  watch.answer(410, { kind: "Status", code: 410, message: "too old resource version" });
}
