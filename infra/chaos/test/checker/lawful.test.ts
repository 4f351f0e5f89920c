import { describe, expect, test } from "vitest";
import { check } from "../../src/checker/check.ts";
import { measure } from "../../src/checker/measure.ts";
import { type Forge, forge, type Owner } from "./forge.ts";

function expectLawful(run: Forge): void {
  expect(check(run.history())).toEqual([]);
}

describe("a lawful history has no violation", () => {
  test("requests of two keys, one after another and side by side", () => {
    const { run, owner } = forge();
    const [a, b] = [run.request("a"), run.request("b")];
    const running = run.start(a, owner);
    run.serve(b, owner);
    run.commit(0, 0, [1]);
    run.commit(0, 0, [1]);
    run.end(running);
    run.reply(a, owner);
    run.answer(a, owner);
    run.serve(run.request("a"), owner);
    run.commit(0, 3); // what was done above the mark is below it now
    run.settle(0, 3);
    expectLawful(run);
  });

  test("a crash, after which what was not committed is handled again, in order", () => {
    const { run, owner } = forge();
    const requests = [run.request("a"), run.request("a"), run.request("a")];
    const [first, second, third] = requests as [never, never, never];
    run.serve(first, owner);
    run.handle(second, owner);
    run.start(third, owner);
    run.up("0", "0-b");
    run.mark(0, owner.token);
    const again = run.claim(0, "0", "0-b");
    run.handle(first, again);
    run.reply(first, again);
    run.serve(second, again);
    run.serve(third, again);
    run.commit(0, 3);
    expectLawful(run);
    expect(measure(run.history())).toMatchObject({ repeated: 2, moves: 0, answered: 3 });
  });

  test("a crash after a reply: what is recorded need not be handled again", () => {
    const { run, owner } = forge();
    const [first, second] = [run.request("a"), run.request("a")];
    run.serve(first, owner);
    run.commit(0, 1);
    run.up("0", "0-b");
    run.serve(second, run.claim(0, "0", "0-b"));
    expectLawful(run);
  });

  test("a zombie that ends late: its reply is void, its start was in order", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    const running = run.start(request, owner);
    run.fault("stop-worker", "0");
    run.wait(3_000);
    run.fence(owner);
    const next = run.claim(0, "1");
    const again = run.start(request, next);
    run.end(running, { abortedMs: run.nowMs });
    run.reply(request, owner);
    run.end(again);
    run.reply(request, next);
    run.answer(request, next);
    run.commit(0, 1);
    expectLawful(run);
    expect(measure(run.history())).toMatchObject({ takeovers: 1, worstTakeOverMs: 3_002 });
  });

  test("a zombie whose handler ends before it has noticed", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    const running = run.start(request, owner);
    run.fence(owner);
    const next = run.claim(0, "1");
    run.serve(request, next);
    run.end(running);
    expectLawful(run);
  });

  test("a reply that was written before the mark counts, whenever it is delivered", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.handle(request, owner);
    run.reply(request, owner);
    run.fence(owner);
    run.answer(request, owner);
    run.claim(0, "1");
    expectLawful(run);
  });

  test("a move in order, and its pause", () => {
    const { run, owner } = forge();
    run.serve(run.request("a"), owner);
    run.commit(0, 1);
    run.release(owner);
    run.wait(40);
    const next = run.claim(0, "1");
    run.serve(run.request("a"), next);
    expectLawful(run);
    expect(measure(run.history())).toMatchObject({
      moves: 1,
      worstMovePauseMs: 41,
      worstRestartPauseMs: null,
    });
  });

  test("a handler that did not end within the time of a drain, and was told", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    const running = run.start(request, owner);
    const abortedMs = run.nowMs;
    run.release(owner);
    const next = run.claim(0, "1");
    const again = run.start(request, next);
    run.end(running, { abortedMs });
    run.end(again);
    run.reply(request, next);
    expectLawful(run);
  });

  test("a handler that was told to give up, ended all the same, and is repeated by the next owner", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    const running = run.start(request, owner);
    const abortedMs = run.nowMs;
    run.release(owner);
    run.end(running, { abortedMs });
    run.serve(request, run.claim(0, "1"));
    expectLawful(run);
  });

  test.each<[string, (run: Forge, owner: Owner) => void]>([
    ["the planner had fenced it", (run, owner) => run.fence(owner)],
    [
      "its next incarnation released the lane",
      (run) => {
        run.up("0", "0-b");
        run.write({ kind: "lane", state: "released", lane: 0, member: "0" });
      },
    ],
  ])("a crash between the hook and the release: %s", (_, end) => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.serve(request, owner);
    run.hook("released", owner);
    end(run, owner);
    run.handle(request, run.claim(0, "1"));
    expectLawful(run);
  });

  test("a lane that was lost to a lease that ran out, and only tidied up later", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.serve(request, owner);
    run.write({ kind: "lane", state: "released", lane: 0, member: "0" }); // no hook
    run.handle(request, run.claim(0, "1"));
    expectLawful(run);
  });

  test("a restart in order by the same member", () => {
    const { run, owner } = forge();
    run.serve(run.request("a"), owner);
    run.release(owner);
    run.write({ kind: "member", state: "left", member: "0", incarnation: "0-a" });
    run.up("0", "0-b");
    run.wait(500);
    const again = run.claim(0, "0", "0-b");
    run.serve(run.request("a"), again);
    expectLawful(run);
    expect(measure(run.history())).toMatchObject({ moves: 0, worstRestartPauseMs: 501 });
  });

  test("poison: attempts, then a dead letter, then the key's next request", () => {
    const { run, owner } = forge();
    const [poison, next] = [run.request("a"), run.request("a")];
    run.handle(poison, owner, { outcome: "threw", attempt: 1 });
    run.handle(poison, owner, { outcome: "threw", attempt: 2 });
    run.bury(poison);
    run.reply(poison, owner, "SHARDCAST_ATTEMPTS_EXHAUSTED");
    run.conclude(poison, { kind: "failed", id: poison.id, code: "SHARDCAST_ATTEMPTS_EXHAUSTED" });
    run.serve(next, owner);
    run.commit(0, 2);
    expectLawful(run);
  });

  test("a request that expired without a handler", () => {
    const { run, owner } = forge();
    const [late, next] = [run.request("a"), run.request("a")];
    run.reply(late, owner, "SHARDCAST_DEADLINE_EXCEEDED");
    run.conclude(late, { kind: "unknown", why: "504" });
    run.serve(next, owner);
    expectLawful(run);
  });

  test("a session that was opened again: the same owner says again that the lane is its", () => {
    const { run, owner } = forge();
    run.serve(run.request("a"), owner);
    const { lane, member, incarnation, token } = owner;
    run.write({
      kind: "lane",
      state: "owned",
      lane,
      member,
      incarnation,
      uid: incarnation,
      leaseMs: 1_500,
      token,
    });
    run.serve(run.request("a"), owner);
    expectLawful(run);
  });

  test("a claim that came second has no effect", () => {
    const { run, owner } = forge();
    run.write({
      kind: "lane",
      state: "owned",
      lane: 0,
      member: "1",
      incarnation: "1-a",
      uid: "1-a",
      leaseMs: 1_500,
    });
    run.serve(run.request("a"), owner);
    expectLawful(run);
  });

  test("callers who learnt nothing, and requests that were refused", () => {
    const { run, owner } = forge();
    const request = run.request("a");
    run.handle(request, owner);
    run.reply(request, owner);
    run.conclude(request, { kind: "unknown", why: "connection lost" });
    run.conclude({ ...request, n: 2, id: "" }, { kind: "refused", why: "ECONNREFUSED" });
    expectLawful(run);
  });
});
