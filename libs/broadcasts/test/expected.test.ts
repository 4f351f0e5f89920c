import { ControlState } from "@shardcast/control";
import type { ControlRecord } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { expectNow, type Members, stillExists } from "../src/expected.ts";
import { beat, map, up } from "./support/records.ts";

/** Whoever is ephemeral is alive. */
function members(replicas: number, ...records: ControlRecord[]): Members {
  const state = new ControlState();
  records.forEach((record, offset) => void state.apply(record, offset));
  const attendance = {
    alive: () => [...state.ephemerals()],
    aliveAs: (member: string) => state.ephemeral(member),
  };
  return { state, attendance, replicas };
}

function names(of: Members): string[] {
  return expectNow(of).expected.map(({ member, incarnation }) =>
    incarnation === undefined ? member : `${member}/${incarnation}`,
  );
}

test("C6: the ordinals of the map are expected, up, down or never heard of, with its epoch", () => {
  const heard = members(9, map(4, 3), up("0", true), up("7", true));
  expect(expectNow(heard)).toMatchObject({ epoch: 4, certain: true });
  expect(names(heard)).toEqual(["0", "1", "2"]);
});

test("C6: not those that said when they were last up that they take no broadcasts", () => {
  expect(names(members(0, map(4, 3), up("0", true), up("1", false)))).toEqual(["0", "2"]);
  const left: ControlRecord = { kind: "member", state: "left", member: "1", incarnation: "1a" };
  expect(names(members(0, map(4, 3), up("1", false), left))).toEqual(["0", "2"]);
  expect(names(members(0, map(4, 3), up("1", false), up("1", true, "1b")))).toEqual(["0", "1", "2"]);
});

test("C6: while nobody has planned, as many as there are said to be", () => {
  expect(expectNow(members(2))).toMatchObject({ epoch: 0, certain: true });
  expect(names(members(2))).toEqual(["0", "1"]);
});

test("C6: ephemeral members are expected by the incarnation that is alive", () => {
  expect(names(members(0, beat("pod-x"), beat("pod-y"), beat("pod-x", "pod-x-b")))).toEqual([
    "pod-x/pod-x-b",
    "pod-y/pod-y-a",
  ]);
  expect(names(members(2, beat("1"), beat("2")))).toEqual(["0", "1", "2/2-a"]);
});

test("it is not certain whom to expect while there are durable members and it is not known how many", () => {
  expect(expectNow(members(0)).certain).toBe(true);
  expect(expectNow(members(0, beat("pod-x"))).certain).toBe(true);
  expect(expectNow(members(0, beat("pod-x"), up("0", true))).certain).toBe(false);
});

test("C7: of more members than a broadcast can expect, none is told to expect any", () => {
  expect(() => expectNow(members(10_001))).toThrow(expect.objectContaining({ code: "SHARDCAST_OVERLOADED" }));
});

test("a member still exists while its ordinal does, or its incarnation is alive", () => {
  const now = members(0, map(4, 3), up("1", false), beat("pod-x"));
  expect(stillExists(now, { member: "2" })).toBe(true);
  expect(stillExists(now, { member: "3" })).toBe(false);
  expect(stillExists(now, { member: "1" })).toBe(false);
  expect(stillExists(now, { member: "pod-x", incarnation: "pod-x-a" })).toBe(true);
  expect(stillExists(now, { member: "pod-x", incarnation: "pod-x-b" })).toBe(false);
  expect(stillExists(now, { member: "pod-y", incarnation: "a" })).toBe(false);
});
