import type { ControlRecord } from "@shardcast/protocol";
import { describe, expect, test } from "vitest";
import { type ControlChange, ControlState } from "../src/index.ts";
import { beat, ended, map, owned, planner, released, up } from "./support/records.ts";

/** A fold that numbers its records, ten apart: compaction leaves gaps. */
class Fold {
  readonly state = new ControlState();
  #offset = 0;

  put(record: ControlRecord): ControlChange | undefined {
    this.#offset += 10;
    return this.state.apply(record, this.#offset);
  }

  putAll(...records: ControlRecord[]): this {
    for (const record of records) this.put(record);
    return this;
  }
}

describe("a lane", () => {
  test("is free, then the first claimer's, whose token is where the claim lies (C2)", () => {
    const fold = new Fold();
    expect(fold.state.lane(3)).toEqual({ kind: "free" });
    expect(fold.put(owned(3, "1", { url: "http://one" }))).toEqual({ kind: "lane", lane: 3 });
    expect(fold.state.lane(3)).toEqual({
      kind: "owned",
      member: "1",
      incarnation: "1a",
      uid: "pod-1",
      leaseMs: 1_500,
      url: "http://one",
      token: 10,
    });
  });

  test("stays its owner's when another claims it; the owner is told, so that it can say so again", () => {
    const fold = new Fold().putAll(owned(0, "1"));
    expect(fold.put(owned(0, "2"))).toEqual({ kind: "claim-refused", lane: 0, by: "2" });
    fold.put(owned(0, "1", { token: 10 }));
    expect(fold.state.lane(0)).toMatchObject({ kind: "owned", member: "1", token: 10 });
  });

  test("is released by its owner only, and then the next claimer's", () => {
    const fold = new Fold().putAll(owned(0, "1"));
    expect(fold.put(released(0, "2"))).toBeUndefined();
    expect(fold.state.lane(0)).toMatchObject({ kind: "owned", member: "1" });
    expect(fold.put(released(0, "1"))).toEqual({ kind: "lane", lane: 0 });
    expect(fold.state.lane(0)).toEqual({ kind: "released", member: "1", token: 10 });
    expect(fold.put(released(0, "1"))).toBeUndefined();
    fold.put(owned(0, "2"));
    expect(fold.state.lane(0)).toMatchObject({ kind: "owned", member: "2", token: 50 });
  });

  test("claimed by the next incarnation of its owner has a new token", () => {
    const { state } = new Fold().putAll(owned(0, "1"), owned(0, "1", { incarnation: "1b" }));
    expect(state.lane(0)).toMatchObject({ member: "1", incarnation: "1b", token: 20 });
  });

  test("that was released does not come back to who says late that it owns it", () => {
    const fold = new Fold().putAll(owned(0, "1"), released(0, "1"));
    expect(fold.put(owned(0, "1", { token: 10 }))).toBeUndefined();
    expect(fold.state.lane(0).kind).toBe("released");
    fold.putAll(owned(0, "2"), owned(0, "1", { token: 10 }));
    expect(fold.state.lane(0)).toMatchObject({ kind: "owned", member: "2" });
  });

  test("is not released by who released it before, once another has it", () => {
    const fold = new Fold().putAll(owned(0, "1"), released(0, "1", 10), owned(0, "2"));
    expect(fold.put(released(0, "1", 10))).toBeUndefined();
    expect(fold.state.lane(0)).toMatchObject({ kind: "owned", member: "2" });
  });

  test("of which compaction left a refused claim is the owner's again when the owner says so, or releases it", () => {
    const says = new Fold().putAll(beat("1"), owned(0, "2"), owned(0, "1", { token: 5 }));
    expect(says.state.lane(0)).toMatchObject({ kind: "owned", member: "1", token: 5 });
    const releases = new Fold().putAll(beat("1"), owned(0, "2"), released(0, "1", 5));
    expect(releases.state.lane(0)).toEqual({ kind: "released", member: "1", token: 5 });
  });

  test("of which compaction left the release only is released", () => {
    const { state } = new Fold().putAll(released(0, "1", 5));
    expect(state.lane(0)).toEqual({ kind: "released", member: "1", token: 5 });
  });

  test("is done at least as far as any release or claim said, and of two at one offset the release knows more", () => {
    const said = (offset: number, metadata = "") => ({ progress: { offset, metadata } });
    const fold = new Fold().putAll(owned(0, "1"));
    expect(fold.state.progress(0)).toBeUndefined();
    fold.put({ ...released(0, "1"), ...said(7, "bA") });
    expect(fold.state.progress(0)).toEqual({ offset: 7, metadata: "bA" });
    fold.putAll(owned(0, "2", said(7, "")), { ...released(0, "2"), ...said(6) }, owned(0, "1", said(5)));
    expect(fold.state.progress(0)).toEqual({ offset: 7, metadata: "bA" });
    fold.put({ ...released(0, "1"), ...said(7, "bB") });
    expect(fold.state.progress(0)).toEqual({ offset: 7, metadata: "bB" });
    // what had no effect says nothing
    fold.putAll(owned(0, "2"), owned(0, "1", said(9)), { ...released(0, "1"), ...said(9) });
    expect(fold.state.progress(0)).toEqual({ offset: 7, metadata: "bB" });
    // compaction has left the claim only
    expect(new Fold().putAll(owned(0, "2", said(7, "bB"))).state.progress(0)).toEqual({
      offset: 7,
      metadata: "bB",
    });
  });

  test("shows in ascending order", () => {
    const { state } = new Fold().putAll(owned(10, "1"), owned(2, "1"));
    expect([...state.lanes().keys()]).toEqual([2, 10]);
  });
});

describe("a member", () => {
  test("is known by its newest incarnation, which is the one that first spoke last", () => {
    const fold = new Fold().putAll(up("1"), up("1", { incarnation: "1b" }));
    expect(fold.state.member("1")).toMatchObject({ state: "up", incarnation: "1b", since: 20 });
    // the older one opens its session again and says since when it is there
    expect(fold.put(up("1", { since: 10 }))).toBeUndefined();
    expect(fold.state.member("1")).toMatchObject({ incarnation: "1b" });
    expect(fold.put(up("1", { incarnation: "1b", since: 20, url: "http://new" }))).toBeDefined();
    expect(fold.state.member("1")).toMatchObject({ since: 20, url: "http://new" });
  });

  test("that was fenced stays so until a new incarnation comes up", () => {
    const fold = new Fold().putAll(up("1"));
    expect(fold.put(ended("1", "fenced"))).toEqual({ kind: "member", member: "1" });
    expect(fold.put(up("1", { since: 10 }))).toBeUndefined();
    expect(fold.state.member("1")).toMatchObject({ state: "fenced", incarnation: "1a" });
    fold.put(up("1", { incarnation: "1b" }));
    expect(fold.state.member("1")).toMatchObject({ state: "up", incarnation: "1b" });
  });

  test("is not ended by what was meant for an older incarnation, nor twice", () => {
    const fold = new Fold().putAll(up("1"), up("1", { incarnation: "1b" }));
    expect(fold.put(ended("1", "fenced", "1a"))).toBeUndefined();
    expect(fold.state.member("1")?.state).toBe("up");
    expect(fold.put(ended("1", "left", "1b"))).toBeDefined();
    expect(fold.put(ended("1", "left", "1b"))).toBeUndefined();
    expect(fold.put(ended("2", "left"))).toBeUndefined();
    expect([...fold.state.members().keys()]).toEqual(["1"]);
  });

  test("that beats is told as a change and changes nothing", () => {
    const fold = new Fold().putAll(up("1"));
    expect(fold.put(beat("1"))).toEqual({ kind: "beat", member: "1", incarnation: "1a" });
    expect(fold.state.member("1")).toMatchObject({ state: "up", since: 10 });
  });
});

test("a map counts when its epoch is greater than the last one's", () => {
  const fold = new Fold();
  expect(fold.state.map).toBeUndefined();
  expect(fold.put(map(2, [0, 1]))).toEqual({ kind: "map" });
  expect(fold.put(map(2, [1, 1]))).toBeUndefined();
  expect(fold.put(map(1, [1, 1]))).toBeUndefined();
  expect(fold.state.map).toEqual({ epoch: 2, replicas: 3, lanes: [0, 1] });
  expect(fold.put(map(3, [1, 1]))).toEqual({ kind: "map" });
});

test("the planner is the last that came up, until it leaves; nobody leaves for another", () => {
  const fold = new Fold();
  expect(fold.state.planner).toBeUndefined();
  expect(fold.put(planner("p", "up"))).toEqual({ kind: "planner", state: "up", holder: "p" });
  fold.put(planner("q", "up"));
  expect(fold.put(planner("p", "beat"))).toEqual({ kind: "planner", state: "beat", holder: "p" });
  fold.put(planner("p", "left"));
  expect(fold.state.planner).toBe("q");
  fold.put(planner("q", "left"));
  expect(fold.state.planner).toBeUndefined();
});

describe("an ephemeral member", () => {
  const here = (member: string, incarnation: string): ControlRecord => ({
    ...{ kind: "beat", member, incarnation, ephemeral: true },
  });

  test("F8: is who a heartbeat says it is, and each heartbeat is told", () => {
    const fold = new Fold();
    expect(fold.put(here("pod-x", "a"))).toEqual({ kind: "beat", member: "pod-x", incarnation: "a" });
    expect(fold.put(here("pod-x", "a"))).toEqual({ kind: "beat", member: "pod-x", incarnation: "a" });
    expect(fold.state.ephemeral("pod-x")).toBe("a");
    expect([...fold.state.ephemerals()]).toEqual(["pod-x"]);
    expect(fold.state.members().size).toBe(0);
  });

  test("is not made by the heartbeat of a durable one", () => {
    const fold = new Fold().putAll(up("0"), beat("0"));
    expect(fold.state.ephemeral("0")).toBeUndefined();
    expect([...fold.state.ephemerals()]).toEqual([]);
  });

  test("F8: is its newest incarnation; a late heartbeat of the one before does not bring it back", () => {
    const fold = new Fold().putAll(here("pod-x", "a"), here("pod-x", "b"));
    expect(fold.put(here("pod-x", "a"))).toBeUndefined();
    expect(fold.state.ephemeral("pod-x")).toBe("b");
    expect(fold.put(here("pod-x", "c"))).toMatchObject({ kind: "beat", incarnation: "c" });
    expect(fold.state.ephemeral("pod-x")).toBe("c");
  });

  test("F9: is forgotten when it is gone, and known again when it beats", () => {
    const fold = new Fold().putAll(here("pod-x", "a"));
    expect(fold.put({ kind: "gone", member: "pod-x" })).toEqual({ kind: "gone", member: "pod-x" });
    expect(fold.put({ kind: "gone", member: "pod-x" })).toBeUndefined();
    expect(fold.state.ephemeral("pod-x")).toBeUndefined();
    fold.put(here("pod-x", "a"));
    expect(fold.state.ephemeral("pod-x")).toBe("a");
  });
});

test("C6: whether a durable member takes broadcasts is what it said when it came up last, also when it has left", () => {
  const fold = new Fold().putAll(up("0"), up("1", { broadcasts: true }));
  expect(fold.state.member("0")?.broadcasts).toBe(false);
  fold.putAll(ended("1", "left"));
  expect(fold.state.member("1")).toMatchObject({ state: "left", broadcasts: true });
  fold.putAll(up("1", { incarnation: "1b" }));
  expect(fold.state.member("1")?.broadcasts).toBe(false);
});
