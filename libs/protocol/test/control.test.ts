import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ControlRecord, decodeControl, encodeControl, type IncomingRecord } from "../src/index.ts";
import { controls, garbage, throughTheLog } from "./arbitraries.ts";

function raw(
  value: unknown,
  headers: IncomingRecord["headers"] = { "sc-version": "\u0001" },
): IncomingRecord {
  return { key: Buffer.from("map"), value: Buffer.from(JSON.stringify(value)), headers };
}

function keyOf(control: ControlRecord): string | undefined {
  return encodeControl(control).key?.toString();
}

const MAP = { kind: "map", epoch: 1, replicas: 2, lanes: [0, 1] } as const;
const OWNED = {
  kind: "lane",
  state: "owned",
  lane: 3,
  member: "2",
  incarnation: "a",
  uid: "pod",
  leaseMs: 1_500,
} as const;

describe("a control record", () => {
  test("comes back from the log as it was", () => {
    fc.assert(
      fc.property(controls, (control) => {
        expect(decodeControl(throughTheLog(encodeControl(control)))).toEqual(control);
      }),
      { numRuns: 500 },
    );
  });

  test("has the key of what it speaks of, so that compaction keeps the newest of each", () => {
    expect(keyOf(MAP)).toBe("map");
    expect(keyOf(OWNED)).toBe(keyOf({ kind: "lane", state: "released", lane: 3, member: "1" }));
    expect(keyOf(OWNED)).not.toBe(keyOf({ ...OWNED, lane: 4 }));
    const up = {
      kind: "member",
      state: "up",
      member: "2",
      incarnation: "a",
      uid: "pod",
      leaseMs: 1,
    } as const;
    const left = { kind: "member", state: "left", member: "2", incarnation: "a" } as const;
    expect(keyOf(up)).toBe(keyOf(left));
    expect(keyOf(up)).not.toBe(keyOf({ ...up, member: "3" }));
  });

  test("a heartbeat never pushes out what it must not: a member's state, or who plans", () => {
    const fenced = { kind: "member", state: "fenced", member: "2", incarnation: "a" } as const;
    expect(keyOf({ kind: "beat", member: "2", incarnation: "a" })).not.toBe(keyOf(fenced));
    const planner = { kind: "planner", holder: "p" } as const;
    expect(keyOf({ ...planner, state: "beat" })).not.toBe(keyOf({ ...planner, state: "up" }));
    expect(keyOf({ ...planner, state: "left" })).toBe(keyOf({ ...planner, state: "up" }));
  });

  test("a member that is gone pushes out its heartbeat and has no value, so that compaction forgets it (C7)", () => {
    const gone = { kind: "gone", member: "pod/x" } as const;
    expect(keyOf(gone)).toBe(keyOf({ kind: "beat", member: "pod/x", incarnation: "a", ephemeral: true }));
    expect(encodeControl(gone).value).toBeNull();
    expect(decodeControl(throughTheLog(encodeControl(gone)))).toEqual(gone);
  });

  test("of one that says it is gone with a value, nothing is believed", () => {
    expect(decodeControl(raw({ kind: "gone", member: "2" }))).toBeUndefined();
  });

  test("may say more than this version knows", () => {
    expect(decodeControl(raw({ ...OWNED, mood: "fine" }))).toEqual(OWNED);
  });

  test.each<[string, IncomingRecord]>([
    ["without a version", raw(MAP, {})],
    ["of a newer version", raw(MAP, { "sc-version": "\u0002" })],
    ["that is a tombstone", { ...raw(MAP), value: null }],
    [
      "that is the tombstone of a heartbeat of nobody",
      { ...raw(MAP), key: Buffer.from("beat/"), value: null },
    ],
    ["that is not JSON", { ...raw(MAP), value: Buffer.from("{") }],
    ["that is no object", raw([])],
    ["of a kind nobody knows", raw({ ...MAP, kind: "chart" })],
    ["whose map is for no replica", raw({ ...MAP, replicas: 0 })],
    ["whose map gives a lane to a fraction", raw({ ...MAP, lanes: [0.5] })],
    ["whose map has a negative epoch", raw({ ...MAP, epoch: -1 })],
    ["whose owner has no incarnation", raw({ ...OWNED, incarnation: undefined })],
    ["whose owner is nobody", raw({ ...OWNED, member: "" })],
    ["whose owner has a name without end", raw({ ...OWNED, member: "m".repeat(1_025) })],
    ["whose lane is in a state nobody knows", raw({ ...OWNED, state: "rented" })],
    ["whose token is a text", raw({ ...OWNED, token: "7" })],
  ])("%s is none", (_, record) => {
    expect(decodeControl(record)).toBeUndefined();
  });

  test("whatever lies on the log is one or none, and nothing throws", () => {
    const fields = fc.constantFrom("kind", "state", "lane", "member", "lanes", "epoch", "token", "holder");
    const oneWrong = fc
      .tuple(controls, fields, fc.jsonValue())
      .map(([control, field, value]) => JSON.stringify({ ...control, [field]: value }));
    const forged = fc
      .oneof(fc.json(), fc.string(), oneWrong)
      .map((text) => ({ ...raw(""), value: Buffer.from(text) }));
    fc.assert(
      fc.property(fc.oneof(garbage, forged), (record) => {
        const control = decodeControl(record);
        if (control === undefined) return;
        expect(decodeControl(throughTheLog(encodeControl(control)))).toEqual(control);
      }),
      { numRuns: 1_000 },
    );
  });
});
