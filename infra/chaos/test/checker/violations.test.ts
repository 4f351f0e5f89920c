import { describe, expect, test } from "vitest";
import { check } from "../../src/checker/check.ts";
import type { Clause } from "../../src/checker/history.ts";
import { measure } from "../../src/checker/measure.ts";
import { type Forge, forge } from "./forge.ts";

/** Exactly one violation, of this clause. */
function expectOnly(run: Forge, clause: Clause, what: RegExp): void {
  expect(check(run.history())).toEqual([
    { clause, what: expect.stringMatching(what), evidence: expect.anything() },
  ]);
}

describe("C1", () => {
  test("two requests of a key at the same time, with one owner", () => {
    const { run, owner } = forge();
    const [first, second] = [run.request("a"), run.request("a")];
    run.reply(first, owner, "SHARDCAST_HANDLER_REFUSED"); // so that only the overlap is wrong
    const running = run.start(first, owner);
    run.serve(second, owner);
    run.end(running);
    expectOnly(run, "C1", /0\/1 started while 0\/0 was running/);
  });

  test.each([
    ["not at all", undefined],
    ["too late", 9_999],
  ])("a handler that still ran when its lane was given up in order, and was told so %s", (_, abortedMs) => {
    const { run, owner } = forge();
    const request = run.request("a");
    const running = run.start(request, owner);
    run.release(owner);
    const next = run.claim(0, "1");
    const again = run.start(request, next);
    run.end(running, abortedMs === undefined ? {} : { abortedMs });
    run.end(again);
    run.reply(request, next);
    expectOnly(run, "C1", /0\/0 started while 0\/0 was running/);
  });

  test("a later request before an earlier one", () => {
    const { run, owner } = forge();
    const [first, second, third] = [run.request("a"), run.request("a"), run.request("a")];
    run.serve(first, owner);
    run.serve(third, owner);
    run.serve(second, owner);
    expect(check(run.history())).toMatchObject([
      { clause: "C1", what: expect.stringMatching(/0\/2 started before 0\/1 had ended/) },
      { clause: "C1", what: expect.stringMatching(/0\/1 started behind offset 2/) },
    ]);
  });

  test("a later request on a new owner, before the earlier one whose end nobody recorded", () => {
    const { run, owner } = forge();
    const [first, second] = [run.request("a"), run.request("a")];
    run.handle(first, owner);
    run.fence(owner);
    run.reply(first, owner); // behind the mark: void
    const next = run.claim(0, "1");
    run.serve(second, next);
    run.fence(next);
    const last = run.claim(0, "0", "0-b");
    run.serve(first, last);
    run.handle(second, last);
    run.reply(second, last);
    expectOnly(run, "C1", /0\/1 started before 0\/0 had ended/);
  });

  test("an owner that goes back behind what it has started", () => {
    const { run, owner } = forge();
    const [first, second] = [run.request("a"), run.request("a")];
    run.serve(first, owner);
    run.handle(second, owner, { outcome: "threw" });
    // Not complete, so that it is no repeat: it had failed, which is recorded, and is begun again.
    const other = run.request("a");
    run.bury(second);
    run.serve(other, owner);
    run.handle(second, owner, { outcome: "threw", attempt: 2 });
    expectOnly(run, "C1", /0\/1 started behind offset 2/);
  });

  test("a request on the log before the one that had been answered when it was sent", () => {
    const { run, owner } = forge();
    const [lower, upper] = [run.request("a"), run.request("a")];
    run.handle(lower, owner);
    run.reply(lower, owner);
    run.serve(upper, owner);
    const history = run.history();
    const [first] = history.outcomes;
    const { id, key } = lower;
    const later = { key, n: 3, sentMs: 5_000, endedMs: 5_001 };
    const swapped = {
      ...history,
      requests: history.requests.map((each) => (each.id === id ? { ...each, n: 3 } : each)),
      outcomes: [
        first as (typeof history.outcomes)[number],
        {
          ...later,
          conclusion: { kind: "done" as const, id, answered: { id, key, n: 3, token: owner.token } },
        },
      ],
    };
    expect(check(swapped)).toMatchObject([{ clause: "C1", what: expect.stringMatching(/lies before/) }]);
  });
});

describe("C2", () => {
  test("a start under a token when a newer owner had the lane", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.fence(owner);
    const next = run.claim(0, "1");
    run.handle(request, owner);
    run.serve(request, next);
    expectOnly(run, "C2", /started under token 2 when 5 had been there/);
    expect(measure(run.history()).repeated).toBe(0); // what a stale owner did is done for the first time
  });

  test("a zombie that goes on with the next request of a key is C2's alone", () => {
    const { run, owner } = forge();
    const [first, second] = [run.request("a"), run.request("a")];
    run.fence(owner);
    const next = run.claim(0, "1");
    run.handle(second, owner);
    run.serve(first, next);
    run.serve(second, next);
    expectOnly(run, "C2", /started under token/);
  });

  test("a zombie that starts while the owner is at work on the key is C2's alone", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.fence(owner);
    const next = run.claim(0, "1");
    const running = run.start(request, next);
    run.handle(request, owner);
    run.end(running);
    run.reply(request, next);
    expectOnly(run, "C2", /started under token/);
  });

  test("a token that goes back", () => {
    const { run, owner } = forge();
    run.fence(owner);
    run.claim(0, "1");
    run.hook("acquired", owner);
    expectOnly(run, "C2", /token 2 came after 5/);
  });

  test("two incarnations under one token", () => {
    const { run, owner } = forge();
    run.serve(run.request("a"), owner);
    run.serve(run.request("a"), { ...owner, incarnation: "0-b" });
    expectOnly(run, "C2", /used by two incarnations/);
  });

  test.each([
    ["the mark", 2, [], 1, []],
    ["what is done above it", 0, [1], 0, []],
  ])("a commit of somebody who has lost the lane: %s goes back", (_, low, above, lowAfter, aboveAfter) => {
    const { run, owner } = forge();
    run.serve(run.request("a"), owner);
    run.serve(run.request("b"), owner);
    run.commit(0, low, above);
    run.commit(0, lowAfter, aboveAfter);
    expectOnly(run, "C2", /progress went back/);
  });

  test("an owner whose claim came second", () => {
    const { run } = forge();
    run.claim(0, "1");
    expectOnly(run, "C2", /no claim of member 1/);
  });
});

describe("C3", () => {
  test("a request that never ends", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.start(request, owner);
    expectOnly(run, "C3", /has not ended/);
  });

  test("a request that was passed over is C3's alone, whatever of its key came after it", () => {
    const { run, owner } = forge();
    run.request("a");
    run.serve(run.request("a"), owner);
    expectOnly(run, "C3", /has not ended/);
  });

  test("a request whose only reply is void", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.handle(request, owner);
    run.fence(owner);
    run.reply(request, owner);
    run.claim(0, "1");
    expectOnly(run, "C3", /has not ended/);
  });

  test("progress that passed over a request", () => {
    const { run, owner } = forge();
    run.request("a");
    run.serve(run.request("b"), owner);
    run.commit(0, 2);
    expectOnly(run, "C3", /was passed over/);
  });

  test.each([
    ["below the mark", 1, []],
    ["above the mark", 0, [0]],
  ])("progress that ran ahead %s of what ended later", (_, low, doneAbove) => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.commit(0, low, doneAbove);
    run.serve(request, owner);
    expectOnly(run, "C3", /committed before it had ended/);
  });

  test("what has ended and is not recorded when there was time enough", () => {
    const { run, owner } = forge();
    run.serve(run.request("a"), owner);
    run.serve(run.request("b"), owner);
    run.settle(0, 1);
    expectOnly(run, "C3", /request 1 of key b \(0\/1\) has ended, and is not recorded/);
  });

  test("an answer to a request that is not on the log", () => {
    const { run, owner } = forge();
    run.answer({ id: "gone", key: "a", n: 1, lane: 0, offset: 0 }, owner);
    expectOnly(run, "C3", /acknowledged and is not on the log/);
  });

  test("a reply that no handler gave", () => {
    const { run, owner } = forge();
    run.reply(run.request("a"), owner);
    expectOnly(run, "C3", /no handler ended/);
  });
});

describe("C4", () => {
  test("a void reply that was delivered", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.handle(request, owner);
    run.fence(owner);
    run.reply(request, owner);
    run.answer(request, owner);
    const next = run.claim(0, "1");
    run.handle(request, next);
    run.reply(request, next);
    expectOnly(run, "C4", /owner that had lost the lane/);
  });

  test("a reply that was delivered twice", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.serve(request, owner);
    run.answer(request, owner);
    expectOnly(run, "C4", /one reply went to two callers/);
  });

  test.each([{ id: "b-1" }, { key: "b" }, { n: 2 }])(
    "an answer to somebody else's request: %o",
    (foreign) => {
      const { run, owner } = forge();
      const mine = run.request("a");
      run.handle(mine, owner);
      run.reply(mine, owner);
      const { id, key, n } = mine;
      run.conclude(mine, { kind: "done", id, answered: { id, key, n, token: owner.token, ...foreign } });
      expectOnly(run, "C4", /the answer to another one/);
    },
  );
});

test("C8: a start after the deadline", () => {
  const { run, owner } = forge();
  const request = run.request("a");
  run.handle(request, owner, { lateMs: 120 });
  run.reply(request, owner);
  expectOnly(run, "C8", /120 ms after its deadline/);
});

describe("C10", () => {
  test("what an owner had completed starts again with it", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.serve(request, owner);
    run.handle(request, owner);
    expectOnly(run, "C10", /with the same owner/);
  });

  test("what was complete starts again after a move in order", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.serve(request, owner);
    run.commit(0, 1);
    run.release(owner);
    const next = run.claim(0, "1");
    run.handle(request, next);
    run.reply(request, next);
    expectOnly(run, "C10", /after a move in order/);
  });
});

describe("recorded requests", () => {
  const answer = { status: 200, body: "42" };

  /** Recorded, sent twice, and answered as it should be. */
  function served() {
    const { run, owner } = forge();
    const request = run.record("a");
    run.record("a", request);
    run.handle(request, owner);
    run.ended(request, owner, "replied", "42");
    return { run, owner, request };
  }

  test("sent twice, run once, and answered alike everywhere, are lawful", () => {
    const { run, request } = served();
    run.told(request, { answers: [answer, answer], finals: [answer, answer] });
    expect(check(run.history())).toEqual([]);
  });

  test("C3: that have no end", () => {
    const { run, owner } = forge();
    run.handle(run.record("a"), owner);
    expectOnly(run, "C3", /has no recorded end/);
  });

  test("C3: that were accepted and are nowhere", () => {
    const { run } = forge();
    run.told({ id: "gone", key: "a", n: 1, lane: 0, offset: 0 }, { kind: "asynchronous" });
    expectOnly(run, "C3", /was accepted and has no recorded end/);
  });

  test("C5: that ended twice", () => {
    const { run, owner, request } = served();
    run.ended(request, owner, "replied", "42");
    expectOnly(run, "C5", /has ended 2 times/);
  });

  test("that expired may end again", () => {
    const { run, owner } = forge();
    const request = run.record("a");
    run.ended(request, owner, "expired", "late");
    run.handle(request, owner);
    run.ended(request, owner, "replied", "42");
    run.told(request, { answers: [answer] });
    expect(check(run.history())).toEqual([]);
  });

  test("C5: that ran again with the next owner", () => {
    const { run, owner, request } = served();
    run.fence(owner);
    run.handle(request, run.claim(0, "1"));
    expectOnly(run, "C5", /started again, its end was recorded/);
  });

  test("C5: of which two callers got different answers", () => {
    const { run, request } = served();
    run.told(request, { answers: [answer, { status: 200, body: "43" }] });
    expectOnly(run, "C5", /got different answers/);
  });

  test("C4: whose answer is not what is recorded", () => {
    const { run, request } = served();
    run.told(request, { finals: [{ status: 200, body: "43" }] });
    expectOnly(run, "C4", /got another answer than is recorded/);
  });

  test("C4: that were cancelled by nobody", () => {
    const { run, owner } = forge();
    const request = run.record("a");
    run.ended(request, owner, "cancelled", "gone");
    run.told(request, { kind: "asynchronous" });
    expectOnly(run, "C4", /was cancelled by nobody/);
  });

  test.each([
    ["given up, and not in the dead letters", "dead-lettered", false],
    ["in the dead letters, and recorded otherwise", "failed", true],
  ] as const)("C9: that are %s", (_, end, buried) => {
    const { run, owner } = forge();
    const request = run.record("a");
    run.ended(request, owner, end, "poison");
    if (buried) run.bury(request);
    expectOnly(run, "C9", /dead letters/);
  });
});
