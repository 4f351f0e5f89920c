import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Broadcast, BroadcastChange, BroadcastOptions } from "../src/index.ts";
import { failure } from "./behaviour.ts";
import {
  answer,
  EventSource,
  type FakeGateway,
  fakeGateway,
  problem,
  type Step,
  silent,
  unreachable,
} from "./support/fake-gateway.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const BROADCASTS = "/v1/accounts/broadcasts";

/** How it stands, as the gateway says it; who is not named waits. */
function standing(members: object = {}, more: object = {}) {
  const all = { 0: waiting("0"), 1: waiting("1"), 2: waiting("2"), ...members };
  const about = { id: "id-1", service: "accounts", handler: "", ack: "all", epoch: 1 };
  const stands = { verdict: "open", partial: true, members: Object.values(all) };
  return { ...about, acceptedMs: 1, expiresMs: 2, ...stands, ...more };
}

function waiting(member: string) {
  return { member, kind: "durable", state: "waiting" };
}

function acked(member: string, body = `by ${member}`) {
  const reply = { status: 200, headers: {}, body };
  return { member, kind: "durable", state: "acked", attempt: 1, atMs: Number(member), reply };
}

const DECIDED = standing(
  { 0: acked("0"), 1: acked("1"), 2: acked("2") },
  { verdict: "satisfied", reason: "all-answered", partial: false },
);

function accepted(status: object = standing(), headers: Record<string, string> = {}): Step {
  const always = { "content-type": "application/json", "shardcast-broadcast-id": "id-1" };
  return answer(202, status, { ...always, ...headers });
}

/** How it stands, to who asks. */
function told(status: object): Step {
  return answer(200, status, { "content-type": "application/json" });
}

/** A broadcast that was accepted, and the stream of its events. */
async function sent(options: BroadcastOptions = {}) {
  const gateway = fakeGateway();
  const source = new EventSource();
  gateway.plan(accepted(), source.step);
  const broadcast = await gateway.client.broadcast("accounts", { rates: 2 }, options);
  await turn();
  return { ...gateway, source, broadcast };
}

async function names(broadcast: Broadcast): Promise<string[]> {
  const found: string[] = [];
  for await (const { member, state } of broadcast) found.push(`${member} ${state}`);
  return found;
}

/** Lets everything happen that takes no time, and then as much time pass. */
async function pass(ms: number): Promise<void> {
  for (let round = 0; round < 10; round++) await turn();
  await vi.advanceTimersByTimeAsync(ms);
  for (let round = 0; round < 10; round++) await turn();
}

/** What a call comes to, once as much time has passed as it takes. */
async function eventually<T>(coming: Promise<T>): Promise<T> {
  let come = false;
  const settled = () => {
    come = true;
  };
  coming.then(settled, settled);
  for (let second = 0; !come && second < 100; second++) await pass(1_000);
  return coming;
}

describe("a broadcast over HTTP", () => {
  test("is posted with all that it says", async () => {
    const headers = { "x-note": "a" };
    const options = { handler: "a/ä?&", ack: 2, ttlMs: 1_500, headers, idempotencyKey: 'once "' };
    const { sent: calls, source, broadcast } = await sent(options);
    const [post, stream] = calls;
    const query = `?ack=2&ttl=1.5&handler=${encodeURIComponent("a/ä?&")}`;
    expect(post).toMatchObject({ method: "POST", path: `${BROADCASTS}${query}`, body: '{"rates":2}' });
    expect(post?.headers.get("content-type")).toBe("application/json");
    expect(post?.headers.get("x-note")).toBe("a");
    expect(post?.headers.get("idempotency-key")).toBe('"once \\""');
    expect(post?.headers.has("prefer")).toBe(false);
    expect(stream).toMatchObject({ method: "GET", path: `${BROADCASTS}/id-1/events` });
    expect(stream?.headers.has("last-event-id")).toBe(false);
    source.event(1, "verdict", DECIDED);
    await broadcast.ended;
  });

  test("that is lost on its way is sent again, and is one all the same (C5)", async () => {
    const { client, sent: calls, plan } = fakeGateway();
    const replayed = { "idempotency-replayed": "true" };
    plan(unreachable, problem("SHARDCAST_OVERLOADED"), accepted(DECIDED, replayed));
    const broadcast = await eventually(client.broadcast("accounts", "rates"));
    const keys = calls.map(({ headers }) => headers.get("idempotency-key"));
    expect(keys[0]).toMatch(/^"[0-9a-f]{32}"$/);
    expect(keys).toEqual([keys[0], keys[0], keys[0]]);
    expect(broadcast.replayed).toBe(false);
    expect(await broadcast.ended).toMatchObject({ verdict: "satisfied" });
    plan(accepted(DECIDED, replayed));
    const named = await client.broadcast("accounts", "rates", { idempotencyKey: "mine" });
    expect(named.replayed).toBe(true);
  });

  test("is not sent again when its time is over, nor when it is refused", async () => {
    const { client, sent: calls, plan } = fakeGateway();
    plan(unreachable);
    const late = client.broadcast("accounts", "", { timeoutMs: 1 });
    expect((await failure(late)).code).toBe("SHARDCAST_LOG_UNAVAILABLE");
    plan(problem("SHARDCAST_NO_MEMBERS"));
    expect((await failure(client.broadcast("accounts"))).code).toBe("SHARDCAST_NO_MEMBERS");
    expect(calls).toHaveLength(2);
  });

  test.each([
    ["a page", answer(202, "<h1>Welcome", { "content-type": "text/html" })],
    ["another one's JSON", answer(202, { ok: true }, { "content-type": "application/json" })],
    ["what does not name it", answer(202, standing(), { "content-type": "application/json" })],
    ["what is not accepted", told(standing())],
  ])("that is answered with %s was not taken by a gateway", async (_, step) => {
    const { client, plan } = fakeGateway();
    plan(step);
    expect((await failure(client.broadcast("accounts"))).code).toBe("SHARDCAST_LOG_REFUSED");
  });

  test("that has its verdict already is not followed", async () => {
    const { client, sent: calls, plan } = fakeGateway();
    plan(accepted(DECIDED));
    const broadcast = await client.broadcast("accounts", "", { ack: "all" });
    expect(await names(broadcast)).toEqual(["0 acked", "1 acked", "2 acked"]);
    await pass(0);
    expect(calls).toHaveLength(1);
  });

  test("is told as its events come, and its stream let go with the verdict", async () => {
    const { source, broadcast } = await sent({ ack: 2 });
    const outcomes = broadcast[Symbol.asyncIterator]();
    source.event(1, "status", standing({ 2: acked("2") }));
    expect((await outcomes.next()).value).toMatchObject({ member: "2" });
    source.event(2, "member", { ...waiting("0"), state: "running", attempt: 1, atMs: 5 });
    source.event(3, "member", acked("1", "ü"));
    const { value } = await outcomes.next();
    expect(value).toMatchObject({ member: "1", state: "acked" });
    expect(new TextDecoder().decode(value.reply.body)).toBe("ü");
    const decided = { verdict: "satisfied", reason: "count-reached", partial: true };
    source.event(3, "verdict", standing({ 1: acked("1"), 2: acked("2") }, decided));
    expect(await outcomes.next()).toEqual({ done: true, value: undefined });
    expect(await broadcast.ended).toMatchObject(decided);
    await pass(0);
    expect(source.cancelled).toBe(true);
  });

  test("whose stream breaks is followed on from where it was, by as many as it takes (C6)", async () => {
    const { source, sent: calls, plan, broadcast } = await sent();
    const outcomes = broadcast[Symbol.asyncIterator]();
    source.event(1, "status", standing());
    source.event(2, "member", acked("1"));
    await outcomes.next();
    const again = new EventSource();
    plan(unreachable, problem("SHARDCAST_CLOSED"), again.step);
    source.break();
    const next = eventually(outcomes.next());
    again.event(2, "status", standing({ 0: acked("0"), 1: acked("1") }));
    again.event(3, "member", acked("0"));
    expect((await next).value).toMatchObject({ member: "0" });
    expect(calls.slice(2).map(({ headers }) => headers.get("last-event-id"))).toEqual(["2", "2", "2"]);
    again.event(4, "verdict", DECIDED);
    // Its own event was lost: the verdict counts it, so it is told all the same.
    expect((await outcomes.next()).value).toMatchObject({ member: "2" });
    expect((await outcomes.next()).done).toBe(true);
  });

  test("whose first stream can not be had for now is followed as soon as it can", async () => {
    const { client, plan } = fakeGateway();
    const source = new EventSource();
    plan(accepted(), unreachable, problem("SHARDCAST_OVERLOADED"), source.step);
    const broadcast = await client.broadcast("accounts");
    source.event(1, "status", standing());
    source.event(2, "verdict", DECIDED);
    expect(await eventually(broadcast.ended)).toMatchObject({ verdict: "satisfied" });
  });

  test("of which nothing more is told is asked for the verdict", async () => {
    const { source, sent: calls, plan, broadcast } = await sent();
    source.event(1, "status", standing());
    plan(answer(204, null), told(standing()), told(DECIDED));
    source.end();
    expect(await eventually(broadcast.ended)).toMatchObject({ verdict: "satisfied" });
    expect(calls[3]?.path).toMatch(/^\/v1\/accounts\/broadcasts\/id-1\?wait=/);
    expect(await names(broadcast)).toEqual(["0 acked", "1 acked", "2 acked"]);
  });

  test("that nobody knows any more fails, for who waits and for who reads", async () => {
    const { source, plan, broadcast } = await sent();
    const reading = failure(names(broadcast));
    source.event(1, "status", standing());
    plan(problem("SHARDCAST_UNKNOWN_BROADCAST"));
    source.break();
    expect((await eventually(reading)).code).toBe("SHARDCAST_UNKNOWN_BROADCAST");
    expect((await failure(broadcast.ended)).code).toBe("SHARDCAST_UNKNOWN_BROADCAST");
    expect((await failure(names(broadcast))).code).toBe("SHARDCAST_UNKNOWN_BROADCAST");
  });

  test("is given up at its time, with what has come; its stream is let go", async () => {
    const { source, broadcast } = await sent({ timeoutMs: 5_000 });
    source.event(1, "status", standing());
    source.event(2, "member", acked("1"));
    await pass(4_999);
    expect(source.cancelled).toBe(false);
    await pass(1);
    const end = await broadcast.ended;
    expect(end).toMatchObject({ verdict: "open", reason: "deadline", partial: true });
    expect(end.members.map(({ state }) => state)).toEqual(["waiting", "acked", "waiting"]);
    expect(await names(broadcast)).toEqual(["1 acked"]);
    await pass(0);
    expect(source.cancelled).toBe(true);
  });

  test("is given up between two streams as well, and leaves no listener behind", async () => {
    const { signal, ...caller } = watched();
    const { source, plan, broadcast } = await sent({ signal });
    plan(silent);
    source.break();
    await pass(1_000);
    caller.abort();
    expect((await failure(broadcast.ended)).code).toBe("SHARDCAST_ABORTED");
    expect(await names(broadcast)).toEqual([]);
    expect(caller.added()).toBeGreaterThan(0);
    expect(caller.removed()).toBe(caller.added());
  });

  test("that is sent again to who did not do it is not posted twice", async () => {
    const { client, sent: calls, plan } = fakeGateway();
    plan(unreachable);
    const redriving = client.broadcasts.redrive("accounts", "id-0", { ack: "quorum", ttlMs: 2_000 });
    expect((await failure(redriving)).code).toBe("SHARDCAST_LOG_UNAVAILABLE");
    expect(calls).toMatchObject([{ method: "POST", path: `${BROADCASTS}/id-0/redrive?ack=quorum&ttl=2` }]);
  });
});

describe("the events of a broadcast over HTTP", () => {
  function reading(options: { readonly after?: number } = {}) {
    const gateway = fakeGateway();
    const source = new EventSource();
    gateway.plan(source.step);
    const events = gateway.client.broadcasts.events("accounts", "id-1", options)[Symbol.asyncIterator]();
    return { ...gateway, source, events };
  }

  function summary({ value }: IteratorResult<BroadcastChange>): [number, string, string] {
    const { seq, members, status }: BroadcastChange = value;
    return [seq, members.map(({ member, state }) => `${member} ${state}`).join(), status.verdict];
  }

  test("keep the status up to date, and end with the last word about every member", async () => {
    const { source, events, sent: calls } = reading();
    source.event(1, "status", standing());
    expect(summary(await events.next())).toEqual([1, "0 waiting,1 waiting,2 waiting", "open"]);
    source.event(2, "member", acked("1"));
    const { value } = await events.next();
    expect(value.status.members).toMatchObject([
      { state: "waiting" },
      { state: "acked" },
      { state: "waiting" },
    ]);
    const decided = { verdict: "satisfied", reason: "quorum" };
    source.event(2, "member", acked("0"));
    source.event(3, "verdict", standing({ 0: acked("0"), 1: acked("1") }, decided));
    expect(summary(await events.next())).toEqual([2, "0 acked", "open"]);
    expect(summary(await events.next())).toEqual([3, "", "satisfied"]);
    source.event(4, "member", acked("2"));
    const last = await events.next();
    expect(summary(last)).toEqual([4, "2 acked", "satisfied"]);
    expect(last.value.status.partial).toBe(false);
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(calls).toHaveLength(1);
    expect(source.cancelled).toBe(true);
  });

  test("of one that is over are how it stands", async () => {
    const { source, events } = reading();
    source.event(4, "status", DECIDED);
    source.event(5, "verdict", DECIDED);
    expect(summary(await events.next())).toEqual([4, "0 acked,1 acked,2 acked", "satisfied"]);
    expect((await events.next()).done).toBe(true);
  });

  test("are taken up again before a change of which not all was told; none is lost", async () => {
    const { source, events, sent: calls, plan } = reading();
    source.event(1, "status", standing());
    await events.next();
    source.event(1, "member", acked("0"));
    await events.next();
    const again = new EventSource();
    plan(again.step);
    source.break();
    again.event(1, "status", DECIDED);
    for (const member of ["0", "1", "2"]) again.event(1, "member", acked(member));
    again.event(2, "verdict", DECIDED);
    const seen: [number, string, string][] = [];
    const rest = async () => {
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        seen.push(summary(next));
      }
    };
    await eventually(rest());
    expect(seen.map(([, members]) => members)).toEqual(["0 acked", "1 acked", "2 acked"]);
    expect(seen.at(-1)?.[2]).toBe("satisfied");
    expect(calls[1]?.headers.get("last-event-id")).toBe("1");
  });

  test("take back no final word, should a stream repeat what came before it (C6)", async () => {
    const { source, events } = reading();
    source.event(3, "status", standing({ 0: acked("0") }));
    await events.next();
    source.event(4, "member", { ...waiting("0"), state: "running", attempt: 1, atMs: 5 });
    expect((await events.next()).value.status.members[0]).toMatchObject({ state: "acked" });
    await events.return?.();
  });

  test("begin behind the one that is named", async () => {
    const { source, events, sent: calls } = reading({ after: 7 });
    source.event(7, "status", standing({ 1: acked("1") }));
    source.event(8, "member", acked("0"));
    const first = await events.next();
    expect(summary(first)).toEqual([8, "0 acked", "open"]);
    expect(first.value.status.members).toMatchObject([{ state: "acked" }, { state: "acked" }, {}]);
    expect(calls[0]?.headers.get("last-event-id")).toBe("7");
    await events.return?.();
  });

  test("pass over what they do not know", async () => {
    const { source, events } = reading();
    source.send("event: member\ndata: {\n\nevent: status\ndata: []\n\n");
    source.event(1, "member", acked("0"));
    source.event(1, "news", {});
    source.event(1, "status", standing());
    expect(summary(await events.next())).toEqual([1, "0 waiting,1 waiting,2 waiting", "open"]);
    await events.return?.();
  });

  test("that are refused before they have begun are told at once", async () => {
    const { client, plan } = fakeGateway();
    for (const after of [undefined, 3]) {
      plan(problem("SHARDCAST_UNKNOWN_BROADCAST"));
      const options = after === undefined ? {} : { after };
      const events = client.broadcasts.events("accounts", "id-1", options)[Symbol.asyncIterator]();
      expect((await failure(events.next())).code).toBe("SHARDCAST_UNKNOWN_BROADCAST");
    }
    const refused = client.broadcasts.events("accounts", "id-1", { after: -1 })[Symbol.asyncIterator]();
    expect((await failure(refused.next())).code).toBe("SHARDCAST_INVALID_REQUEST");
  });
});

describe("the status of a broadcast over HTTP", () => {
  test("is waited for in slices, over gateways that fail (C6)", async () => {
    const { client, sent: calls, plan }: FakeGateway = fakeGateway();
    plan(told(standing()), unreachable, told(DECIDED));
    const status = await eventually(client.broadcasts.status("accounts", "id-1", { waitMs: 60_000 }));
    expect(status.verdict).toBe("satisfied");
    expect(calls.map(({ path }) => path.replace(/[0-9.]+$/, ""))).toEqual([
      `${BROADCASTS}/id-1?wait=`,
      `${BROADCASTS}/id-1?wait=`,
      `${BROADCASTS}/id-1?wait=`,
    ]);
  });

  test("is asked for once without a wait, and replies may be of any bytes", async () => {
    const { client, sent: calls, plan } = fakeGateway();
    const { body: _, ...reply } = acked("0").reply;
    plan(told(standing({ 0: { ...acked("0"), reply: { ...reply, bodyBase64: "AP+A" } } })));
    const { members } = await client.broadcasts.status("accounts", "id-1");
    expect(members[0]).toMatchObject({ reply: { body: new Uint8Array([0, 255, 128]) } });
    expect(calls).toMatchObject([{ method: "GET", path: `${BROADCASTS}/id-1` }]);
  });
});

/** A caller's signal, and how many listen to it. */
function watched() {
  const caller = new AbortController();
  const added = vi.spyOn(caller.signal, "addEventListener");
  const removed = vi.spyOn(caller.signal, "removeEventListener");
  return {
    signal: caller.signal,
    abort: () => caller.abort(),
    added: () => added.mock.calls.length,
    removed: () => removed.mock.calls.length,
  };
}
