import type { AckMode, MemberProgress } from "@shardcast/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BroadcastState } from "../src/broadcast-state.ts";
import { Roster } from "../src/roster.ts";
import { Tokens } from "../src/tokens.ts";
import type { Word } from "../src/words.ts";
import { acked, broadcast, closed, failed, gone, retrying, running } from "./support/records.ts";

const ID = broadcast().id;
const TIMES = { acceptedMs: 1, expiresMs: 2 };
const ALL: AckMode = { kind: "all" };

function fold(ack: AckMode, words: readonly Word[] = [], expected = ["0", "1", "2"]): BroadcastState {
  const members = expected.map((member) => ({ member }));
  const state = new BroadcastState(
    broadcast({ ...TIMES, id: ID, ack, expected: members }),
    new Roster(members),
  );
  for (const word of words) state.apply(word, false);
  return state;
}

function standing(state: BroadcastState): Record<string, MemberProgress["state"]> {
  return Object.fromEntries(state.status.members.map((each) => [each.member, each.state]));
}

describe("C6: a member", () => {
  test("waits, runs, tries again and has acknowledged, each with what is known of it", () => {
    const state = fold(ALL);
    const zero = () => state.status.members[0];
    expect(zero()).toEqual({ member: "0", kind: "durable", state: "waiting" });
    state.apply(running(ID, "0"), false);
    expect(zero()).toEqual({ member: "0", kind: "durable", state: "running", attempt: 1, atMs: 901 });
    state.apply(retrying(ID, "0"), false);
    expect(zero()).toMatchObject({ state: "retrying", attempt: 1, atMs: 951, reason: "busy" });
    state.apply(acked(ID, "0"), false);
    expect(zero()).toMatchObject({
      state: "acked",
      attempt: 1,
      atMs: 1_000,
      reply: { status: 200, headers: {}, body: new Uint8Array(Buffer.from("done by 0")) },
    });
    expect(state.apply(failed(ID, "1"), false)).toMatchObject({
      kind: "changed",
      members: [{ member: "1" }],
    });
    expect(state.status.members[1]).toMatchObject({
      ...{ state: "failed", attempts: 3, atMs: 1_100, reason: "no room" },
      code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
    });
  });

  const finals = [acked(ID, "0"), failed(ID, "0"), gone(ID, "0"), closed(ID), closed(ID, "cancelled")];
  test.each(finals.map((first) => [first.kind, first] as const))(
    "keeps its first final word, %s, whatever is said afterwards",
    (_, first) => {
      const state = fold(ALL, [first]);
      const before = state.status.members[0];
      for (const later of finals) state.apply(later, false);
      expect(state.apply(running(ID, "0"), false)).toEqual({ kind: "dropped", why: "late" });
      expect(state.apply(acked(ID, "0"), false)).toEqual({ kind: "dropped", why: "late" });
      expect(state.status.members[0]).toEqual(before);
    },
  );

  test("that is not expected does not count", () => {
    const state = fold(ALL);
    expect(state.apply(acked(ID, "7"), false)).toEqual({ kind: "dropped", why: "unexpected" });
    expect(state.apply(gone(ID, "7"), false)).toEqual({ kind: "none" });
    expect(state.seq).toBe(1);
  });

  test("that was replaced when it spoke does not count, nor one that is durable without a token", () => {
    const state = fold(ALL);
    expect(state.apply(acked(ID, "0"), true)).toEqual({ kind: "dropped", why: "stale" });
    expect(state.apply(acked(ID, "0", "incarnation"), false)).toEqual({ kind: "dropped", why: "stale" });
    expect(standing(state)).toEqual({ 0: "waiting", 1: "waiting", 2: "waiting" });
  });

  test("that is ephemeral counts as the incarnation that was expected alone, also when it is gone", () => {
    const members = [{ member: "pod-x", incarnation: "a" }];
    const state = new BroadcastState(broadcast({ id: ID, expected: members }), new Roster(members));
    expect(state.status.members[0]).toEqual({ member: "pod-x", kind: "ephemeral", state: "waiting" });
    expect(state.apply(acked(ID, "pod-x", "b"), false)).toEqual({ kind: "dropped", why: "stale" });
    expect(state.apply(acked(ID, "pod-x", 7), false)).toEqual({ kind: "dropped", why: "stale" });
    expect(state.apply(gone(ID, "pod-x", ["pod-x", "b"]), false)).toEqual({ kind: "none" });
    expect(state.apply(acked(ID, "pod-x", "a"), false).kind).toBe("changed");
    expect(state.status.verdict).toBe("satisfied");
  });

  test("has its place by its number, and others after those by name", () => {
    const state = fold(ALL, [], ["pod-b", "10", "2", "0", "pod-a", "01"]);
    expect(state.status.members.map(({ member }) => member)).toEqual([
      "0",
      "2",
      "10",
      "01",
      "pod-a",
      "pod-b",
    ]);
  });
});

describe("C6: the verdict", () => {
  const cases: [string, AckMode, Word[], object][] = [
    ["all: open until each has", ALL, [acked(ID, "0"), acked(ID, "1")], { verdict: "open", partial: true }],
    [
      "all: satisfied when each has",
      ALL,
      [acked(ID, "0"), acked(ID, "1"), acked(ID, "2")],
      { verdict: "satisfied", reason: "all-answered", partial: false },
    ],
    [
      "all: who is gone counts neither for nor against",
      ALL,
      [acked(ID, "0"), gone(ID, "1", "2")],
      { verdict: "satisfied", reason: "all-answered", partial: false },
    ],
    [
      "all: satisfied as well when the last one goes",
      ALL,
      [gone(ID, "1"), acked(ID, "0"), acked(ID, "2")],
      { verdict: "satisfied", reason: "all-answered", partial: false },
    ],
    [
      "all: with everybody gone nobody has done it",
      ALL,
      [gone(ID, "0", "1", "2")],
      { verdict: "failed", reason: "all-answered", partial: false },
    ],
    ["all: open while somebody may still answer", ALL, [failed(ID, "0")], { verdict: "open" }],
    [
      "all: partly when some have",
      ALL,
      [failed(ID, "0"), acked(ID, "1"), acked(ID, "2")],
      { verdict: "partly", reason: "all-answered", partial: true },
    ],
    [
      "all: failed when none has",
      ALL,
      [failed(ID, "0"), failed(ID, "1"), failed(ID, "2")],
      { verdict: "failed", reason: "all-answered", partial: true },
    ],
    [
      "all: partly when it expired",
      ALL,
      [acked(ID, "0"), closed(ID)],
      { verdict: "partly", reason: "expired" },
    ],
    ["all: failed when it expired for all", ALL, [closed(ID)], { verdict: "failed", reason: "expired" }],
    [
      "all: cancelled, and expired afterwards",
      ALL,
      [acked(ID, "0"), closed(ID, "cancelled"), closed(ID)],
      { verdict: "partly", reason: "cancelled" },
    ],
    ["quorum: half is not more than half", { kind: "quorum" }, [acked(ID, "0")], { verdict: "open" }],
    [
      "quorum: satisfied by more than half, and partial while others have not",
      { kind: "quorum" },
      [acked(ID, "0"), acked(ID, "1")],
      { verdict: "satisfied", reason: "quorum", partial: true },
    ],
    [
      "quorum: of those that are not gone",
      { kind: "quorum" },
      [acked(ID, "0"), gone(ID, "1", "2")],
      { verdict: "satisfied", reason: "quorum", partial: false },
    ],
    [
      "quorum: half of two are not more than half",
      { kind: "quorum" },
      [gone(ID, "2"), acked(ID, "0")],
      { verdict: "open", partial: true },
    ],
    [
      "quorum: with everybody gone nobody has done it",
      { kind: "quorum" },
      [gone(ID, "0", "1", "2")],
      { verdict: "failed" },
    ],
    [
      "quorum: stays when the others fail",
      { kind: "quorum" },
      [acked(ID, "0"), acked(ID, "1"), failed(ID, "2")],
      { verdict: "satisfied", reason: "quorum", partial: true },
    ],
    [
      "a number: satisfied when it is reached, and it stays so",
      { kind: "count", count: 1 },
      [acked(ID, "0"), closed(ID)],
      { verdict: "satisfied", reason: "count-reached", partial: true },
    ],
    [
      "a number: partly when it was not",
      { kind: "count", count: 2 },
      [acked(ID, "0"), gone(ID, "1", "2")],
      { verdict: "partly", reason: "all-answered", partial: false },
    ],
    [
      "none: satisfied at once",
      { kind: "none" },
      [],
      { verdict: "satisfied", reason: "not-awaited", partial: true },
    ],
  ];
  test.each(cases)("%s", (_, ack, words, verdict) => {
    const { status } = fold(ack, words);
    expect(status).toMatchObject(verdict);
    expect("reason" in status).toBe(status.verdict !== "open");
  });

  test("on one that expects nobody: all of none is no success, and nobody awaited is", () => {
    expect(fold(ALL, [], [])).toMatchObject({ complete: true, open: false, status: { verdict: "failed" } });
    expect(fold({ kind: "none" }, [], []).status).toMatchObject({ verdict: "satisfied", partial: false });
  });
});

describe("seq", () => {
  test("grows by one with each change, and by nothing else", () => {
    const state = fold(ALL);
    const seqs = [
      running(ID, "0"),
      running(ID, "0"), // the driver may repeat an append
      retrying(ID, "0"),
      retrying(ID, "0"),
      running(ID, "0", 1, 2),
      acked(ID, "0"),
      acked(ID, "0"),
      acked(ID, "9"),
      gone(ID, "0"),
      gone(ID, "1", "2"),
      closed(ID),
    ].map((word) => {
      state.apply(word, false);
      return state.seq;
    });
    expect(seqs).toEqual([2, 2, 3, 3, 4, 5, 5, 5, 5, 6, 6]);
  });

  test("since: who has changed after it, everybody since the beginning", () => {
    const state = fold(ALL);
    expect(state.since(0)).toMatchObject({
      seq: 1,
      members: [{ member: "0" }, { member: "1" }, { member: "2" }],
    });
    expect(state.since(1).members).toEqual([]);
    state.apply(acked(ID, "1"), false);
    state.apply(acked(ID, "0"), false);
    expect(state.since(0).members).toHaveLength(3);
    expect(state.since(1).members.map(({ member }) => member)).toEqual(["0", "1"]);
    expect(state.since(2)).toMatchObject({ seq: 3, members: [{ member: "0" }], status: state.status });
    expect(state.since(3).members).toEqual([]);
  });
});

test("a status that was given out does not change, and is not built twice", () => {
  const state = fold(ALL);
  const { status } = state;
  expect(state.status).toBe(status);
  state.apply(acked(ID, "0"), false);
  expect(status.members[0]?.state).toBe("waiting");
  expect(state.status.members[0]?.state).toBe("acked");
});

test("C7: a reply is a copy that holds nothing of the batch it came in", () => {
  const batch = Buffer.alloc(1_000_000, "x");
  const word = acked(ID, "0");
  const state = fold(ALL, [{ ...word, body: batch.subarray(10, 14) } as Word]);
  const outcome = state.status.members[0];
  const body = outcome?.state === "acked" ? outcome.reply.body : new Uint8Array();
  expect(body.byteLength).toBe(4);
  expect(body.buffer.byteLength).toBe(4);
});

describe("C6: the newest process of a durable member", () => {
  test("is learnt from marks and from what it says; what an older one says does not count", () => {
    const tokens = new Tokens();
    expect(tokens.hear("0", 5)).toBe(true);
    expect(tokens.hear("0", 5)).toBe(true);
    expect(tokens.hear("0", 9)).toBe(true);
    expect(tokens.hear("0", 5)).toBe(false);
    expect(tokens.hear("1", 5)).toBe(true);
    expect(tokens.hear("0", 9)).toBe(true);
  });
});

const members = fc.constantFrom("0", "1", "2", "3");
const words: fc.Arbitrary<Word> = fc.oneof(
  members.map((member) => acked(ID, member)),
  members.map((member) => failed(ID, member)),
  fc.tuple(members, fc.nat(3)).map(([member, attempt]) => running(ID, member, 1, attempt)),
  fc.tuple(members, fc.nat(3)).map(([member, attempt]) => retrying(ID, member, 1, attempt)),
  fc.subarray(["0", "1", "2", "3"]).map((listed) => gone(ID, ...listed)),
  fc.constantFrom(closed(ID), closed(ID, "cancelled")),
);
const modes = fc.constantFrom<AckMode>(
  ...[{ kind: "all" } as const, { kind: "quorum" } as const, { kind: "none" } as const],
  ...[1, 2, 3].map((count) => ({ kind: "count" as const, count })),
);
const FINAL = new Set<MemberProgress["state"]>(["acked", "failed", "expired", "cancelled", "gone"]);

test("C6: whatever is said in whatever order, and repeated, nothing final is taken back and two folds agree at every step", () => {
  fc.assert(
    fc.property(modes, fc.array(fc.tuple(words, fc.boolean()), { maxLength: 30 }), (ack, script) => {
      const [one, two] = [fold(ack), fold(ack)];
      for (const [word, replaced] of script) {
        const before = one.status;
        const { seq } = one;
        const effect = one.apply(word, replaced);
        one.apply(word, replaced); // says nothing new, or comes late
        two.apply(word, replaced);
        expect(one.status).toEqual(two.status);
        expect(one.seq).toBe(two.seq);
        expect(one.seq - seq).toBe(effect.kind === "changed" ? 1 : 0);
        one.status.members.forEach((outcome, place) => {
          const was = before.members[place];
          if (was !== undefined && FINAL.has(was.state)) expect(outcome).toEqual(was);
        });
        if (before.verdict !== "open") expect(one.status.verdict).toBe(before.verdict);
        if (before.verdict !== "open") expect(one.status.reason).toBe(before.reason);
        expect(one.complete).toBe(one.status.members.every(({ state }) => FINAL.has(state)));
        if (one.complete) expect(one.open).toBe(false);
        const ackedNow = one.status.members.filter(({ state }) => state === "acked").length;
        const left = one.status.members.filter(({ state }) => state !== "gone").length;
        expect(one.status.partial).toBe(ackedNow < left);
        if (one.status.verdict === "satisfied" && ack.kind !== "none") expect(ackedNow).toBeGreaterThan(0);
      }
    }),
    { numRuns: 500 },
  );
});
