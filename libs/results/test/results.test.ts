import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { topicsOf } from "@shardcast/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import { openResults } from "../src/index.ts";
import { ended, LANES, openWorld, running, SERVICE } from "./support/world.ts";

test("C3: what was on the log before and what comes later is known, with all of it", async () => {
  const world = await openWorld();
  const whole = ended("before", {
    end: "failed",
    status: 422,
    error: "SHARDCAST_HANDLER_REFUSED",
    contentType: "application/problem+json",
    headers: { "x-one": "1" },
    body: Buffer.from([0, 1, 255]),
  });
  await world.append(whole);
  const results = await world.follow();
  await results.restored;
  expect(results.get("before")).toEqual(whole);
  const later = ended("later", { body: Buffer.alloc(0) });
  await world.append(later, 1);
  expect(results.get("later")).toBeUndefined();
  await results.caughtUp(1);
  expect(results.get("later")).toEqual(later);
  await vi.waitFor(() => expect(results.size).toBe(2));
  expect(results.get("later")).toEqual(later);
  expect(results.get("never")).toBeUndefined();
});

test("news are told in order to who watches, until he does not", async () => {
  const world = await openWorld();
  const results = await world.follow();
  const news: string[] = [];
  const unwatch = results.watch("a", ({ kind }) => void news.push(kind));
  await world.append(running("a"));
  await world.append(running("b"));
  await world.append(ended("a"));
  await world.append(running("a"));
  await results.caughtUp(0);
  expect(news).toEqual(["running", "ended"]);
  expect(results.get("b")?.kind).toBe("running");
  unwatch();
  await world.append(ended("a", { delivery: 2 }));
  await results.caughtUp(0);
  expect(news).toHaveLength(2);
  expect(results.get("a")?.delivery).toBe(2);
});

test("C5: what was noted is known at once, and reading it back is no news", async () => {
  const world = await openWorld();
  const results = await world.follow();
  const heard = vi.fn();
  results.watch("a", heard);
  const result = ended("a");
  results.note(result);
  expect(results.get("a")).toEqual(result);
  await world.append(result);
  await results.caughtUp(0);
  expect(heard).toHaveBeenCalledTimes(1);
});

test("C5: what is known stays known while and after it is written to the file", async () => {
  const world = await openWorld();
  const results = await world.follow();
  const all = Array.from({ length: 500 }, (_, i) => ended(`id-${i}`));
  for (const result of all) results.note(result);
  while (results.size < all.length) {
    for (const result of all) expect(results.get(result.id)).toEqual(result);
    await turn();
  }
  for (const result of all) expect(results.get(result.id)).toEqual(result);
});

test("C7: what is older than the retention is not told any more, and dropped", async () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const world = await openWorld();
  const results = await world.follow({ retentionMs: 60_000 });
  expect(results.retentionMs).toBe(60_000);
  const beginMs = Date.now();
  const heard = vi.fn();
  results.watch("old", heard);
  await world.append(ended("old", { atMs: beginMs - 60_001 }));
  for (let i = 0; i < 1_500; i++) await world.append(ended(`a-${i}`, { atMs: beginMs }));
  await world.append(running("open", { atMs: beginMs }));
  await world.append(ended("replaced", { atMs: beginMs, end: "expired" }));
  await world.append(ended("replaced", { atMs: beginMs + 30_000 }));
  await results.caughtUp(0);
  expect(results.get("old")).toBeUndefined();
  expect(heard).not.toHaveBeenCalled();
  while (results.size < 1_502) await turn();
  vi.setSystemTime(beginMs + 60_001);
  expect(results.get("a-0")).toBeUndefined();
  expect(results.get("open")).toBeUndefined();
  while (results.size > 1) {
    vi.advanceTimersByTime(1_000);
    vi.setSystemTime(beginMs + 60_001);
    await turn();
  }
  expect(results.get("replaced")).toMatchObject({ end: "replied" });
});

test("what is no result is passed over", async () => {
  const world = await openWorld();
  const { name } = topicsOf(SERVICE, { lanes: LANES }).results;
  const stranger = { topic: name, partition: 0, value: Buffer.from("?"), headers: {} };
  await world.log.append({ ...stranger, key: null });
  await world.log.append({ ...stranger, key: Buffer.from("key") });
  await world.append(ended("x".repeat(5_000)));
  await world.append(ended("good"));
  const results = await world.follow();
  await results.restored;
  expect(results.get("good")).toBeDefined();
});

test("nothing is left in the folder, neither while it is open nor afterwards", async () => {
  const world = await openWorld();
  const folder = mkdtempSync(join(tmpdir(), "shardcast-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  await world.append(ended("a"));
  const results = await world.follow({ folder });
  await results.restored;
  if (process.platform !== "win32") expect(readdirSync(folder)).toEqual([]);
  await results.close();
  await results.close();
  expect(existsSync(folder)).toBe(true);
  expect(readdirSync(folder)).toEqual([]);
});

test("closed, it knows nothing and says so to who waits; the log goes on", async () => {
  const world = await openWorld();
  const results = await world.follow();
  world.cluster.setAvailable(false);
  const { restored } = results;
  await results.close();
  world.cluster.setAvailable(true);
  await restored;
  await expect(results.caughtUp(0)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  results.note(ended("a"));
  expect(results.get("a")).toBeUndefined();
  expect(results.size).toBe(0);
  await world.append(ended("b"));
});

test("a topic that is missing, or has another number of lanes, is refused", async () => {
  const world = await openWorld();
  const open = (options: { service: string; lanes: number }) => openResults(world.log, options);
  await expect(open({ service: "nobody", lanes: 1 })).rejects.toMatchObject({
    code: "SHARDCAST_LOG_REFUSED",
  });
  await expect(open({ service: SERVICE, lanes: 3 })).rejects.toMatchObject({
    code: "SHARDCAST_TOPIC_MISMATCH",
  });
});

test("while the log is away, who wants to be caught up is told so", async () => {
  const world = await openWorld();
  const results = await world.follow();
  world.cluster.setAvailable(false);
  await expect(results.caughtUp(0)).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
});
