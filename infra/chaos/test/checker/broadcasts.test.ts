import { describe, expect, test } from "vitest";
import { check } from "../../src/checker/check.ts";
import type { Clause } from "../../src/checker/history.ts";
import { Forge } from "./forge.ts";

/** A map of two members, one broadcast that both have acted on. */
function lawful(): Forge {
  const run = new Forge();
  run.map(1, 2);
  run.act(1, "0", "acted");
  run.act(1, "1", "acted");
  run.broadcast(1, 1, { 0: "acked", 1: "acked" });
  return run;
}

function expectOnly(run: Forge, clause: Clause, what: RegExp): void {
  expect(check(run.history())).toEqual([
    { clause, what: expect.stringMatching(what), evidence: expect.anything() },
  ]);
}

describe("is lawful", () => {
  test("that all have acted, and that one has failed at every attempt", () => {
    const run = lawful();
    run.act(2, "0", "acted");
    run.act(2, "1", "failed");
    run.act(2, "1", "failed", { attempt: 2 });
    run.broadcast(2, 1, { 0: "acked", 1: "failed" });
    expect(check(run.history())).toEqual([]);
  });

  test("that one which came before any map expects those that were configured", () => {
    const run = lawful();
    run.act(2, "0", "acted");
    run.broadcast(2, 0, { 0: "acked" });
    expect(check(run.history())).toEqual([]);
  });

  test("that a later process of the member acts again: the first may not have been able to say so", () => {
    const run = lawful();
    run.act(1, "1", "acted", { incarnation: "1-b" });
    expect(check(run.history())).toEqual([]);
  });

  test("that a member is gone which a later map does not name", () => {
    const run = lawful();
    run.broadcast(2, 1, { 0: "acked", 1: "gone" });
    run.act(2, "0", "acted");
    run.map(2, 1);
    expect(check(run.history())).toEqual([]);
  });

  test.each([
    ["was down nearly all the time", "kill-worker", 25_000],
    ["had another idea of the time", "clock", 100],
  ])("that a broadcast has expired for a member that %s", (_, kind, forMs) => {
    const run = lawful();
    run.fault(kind, "1", forMs);
    run.broadcast(2, 1, { 0: "acked", 1: "expired" });
    run.act(2, "0", "acted");
    expect(check(run.history())).toEqual([]);
  });
});

describe("C6", () => {
  test("a broadcast that a gateway does not know", () => {
    const run = lawful();
    run.act(2, "0", "acted");
    run.act(2, "1", "acted");
    run.broadcast(2, 1, { 0: "acked", 1: "acked" }, "unknown");
    expectOnly(run, "C6", /a gateway does not know it/);
  });

  test("two gateways that say different things", () => {
    const run = lawful();
    run.act(2, "0", "acted");
    const other = new Forge().broadcast(2, 1, { 0: "acked", 1: "expired" });
    run.broadcast(2, 1, { 0: "acked", 1: "acked" }, other);
    expectOnly(run, "C6", /told in two ways/);
  });

  test("others expected than the map names", () => {
    const run = lawful();
    run.map(2, 3);
    run.act(2, "0", "acted");
    run.act(2, "1", "acted");
    run.broadcast(2, 2, { 0: "acked", 1: "acked" });
    expectOnly(run, "C6", /does not expect the 3 members/);
  });

  test.each([
    ["acked", "failed", /told to be acted on by 1/],
    ["failed", "acted", /told to have failed at 1/],
    ["gone", undefined, /told to be without 1/],
    ["expired", undefined, /expired for 1, which had time/],
    ["waiting", undefined, /is waiting at 1 in the end/],
    ["running", undefined, /is running at 1 in the end/],
  ] as const)("a member that is told %s in the end, and it was otherwise", (state, event, what) => {
    const run = lawful();
    run.act(2, "0", "acted");
    if (event !== undefined) run.act(2, "1", event);
    run.broadcast(2, 1, { 0: "acked", 1: state });
    expectOnly(run, "C6", what);
  });

  test("a fault of another member excuses nobody", () => {
    const run = lawful();
    run.fault("kill-worker", "0", 25_000);
    run.act(2, "0", "acted");
    run.broadcast(2, 1, { 0: "acked", 1: "expired" });
    expectOnly(run, "C6", /time enough/);
  });

  test("two broadcasts at once, out of order, or twice in one life", () => {
    const run = lawful();
    run.act(3, "0", undefined);
    run.act(4, "0", "acted");
    expectOnly(run, "C6", /two broadcasts at once/);
    const turned = lawful();
    turned.act(4, "0", "acted");
    turned.act(3, "0", "acted");
    expectOnly(turned, "C6", /out of their order/);
    const twice = lawful();
    twice.act(1, "0", "acted");
    expectOnly(twice, "C6", /once more/);
  });
});

test("C8: a broadcast that is begun when it has expired", () => {
  const run = lawful();
  run.act(2, "0", "acted", { lateMs: 1 });
  expectOnly(run, "C8", /had expired/);
});
