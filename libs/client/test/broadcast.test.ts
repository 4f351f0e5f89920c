import type { MemberOutcome } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import type { Broadcast, BroadcastOptions } from "../src/index.ts";
import { Members } from "./support/members.ts";
import { connectTo, SERVICE, startService, timers } from "./support/service.ts";

/** A client, and a broadcast of its that all three members are to acknowledge. */
async function sent(options: BroadcastOptions = {}) {
  const members = await Members.start();
  const client = await members.client();
  const broadcast = await client.broadcast(SERVICE, { rates: 2 }, { handler: "reload", ...options });
  return { members, client, broadcast, id: broadcast.id };
}

async function all(broadcast: Broadcast): Promise<MemberOutcome[]> {
  const outcomes: MemberOutcome[] = [];
  for await (const outcome of broadcast) outcomes.push(outcome);
  return outcomes;
}

function names(outcomes: readonly MemberOutcome[]): string[] {
  return outcomes.map(({ member, state }) => `${member} ${state}`);
}

function textOf({ body }: { readonly body: Uint8Array }): string {
  return new TextDecoder().decode(body);
}

describe("a broadcast", () => {
  it("is on the log when it is returned, with what was asked for (C6)", async () => {
    const headers = { "x-note": "a" };
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const { members, broadcast } = await sent({ headers, traceparent, ack: 2, ttlMs: 5_000 });
    const [published] = members.published();
    expect(published).toMatchObject({ handler: "reload", headers, traceparent, id: broadcast.id });
    expect(published).toMatchObject({ ack: { kind: "count", count: 2 }, contentType: "application/json" });
    expect(published?.body.toString()).toBe('{"rates":2}');
    expect((published?.expiresMs ?? 0) - (published?.acceptedMs ?? 0)).toBe(5_000);
    expect(broadcast.accepted).toMatchObject({ id: broadcast.id, ack: 2, verdict: "open", partial: true });
    expect(names(broadcast.accepted.members)).toEqual(["0 waiting", "1 waiting", "2 waiting"]);
    expect(broadcast.replayed).toBe(false);
  });

  it("gives each member's final outcome once, as it comes, and ends with the verdict (C6)", async () => {
    const { members, broadcast, id } = await sent();
    const outcomes = broadcast[Symbol.asyncIterator]();
    const first = outcomes.next();
    await members.running(id, "0");
    await members.acked(id, "2", { attempt: 2 });
    expect((await first).value).toMatchObject({ member: "2", kind: "durable", state: "acked", attempt: 2 });
    await members.acked(id, "2");
    await members.failed(id, "0");
    expect((await outcomes.next()).value).toMatchObject({ member: "0", state: "failed", reason: "no room" });
    await members.acked(id, "1");
    expect((await outcomes.next()).value).toMatchObject({ member: "1", state: "acked" });
    expect(await outcomes.next()).toEqual({ done: true, value: undefined });
    expect(await broadcast.ended).toMatchObject({ verdict: "partly", reason: "all-answered", partial: true });
  });

  it("is told from the first outcome on to each who asks, also when it has ended", async () => {
    const { members, broadcast, id } = await sent();
    const during = all(broadcast);
    for (const member of ["1", "0", "2"]) await members.acked(id, member);
    await broadcast.ended;
    const expected = ["1 acked", "0 acked", "2 acked"];
    for (const outcomes of [await during, await all(broadcast), await all(broadcast)]) {
      expect(names(outcomes)).toEqual(expected);
    }
  });

  it.each<[BroadcastOptions["ack"] & (string | number), string[], string]>([
    ["quorum", ["2", "0"], "quorum"],
    [1, ["1"], "count-reached"],
    ["none", [], "not-awaited"],
  ])("ends as soon as %s have acknowledged (C6)", async (ack, acking, reason) => {
    const { members, broadcast, id } = await sent({ ack });
    for (const member of acking) await members.acked(id, member);
    expect(await broadcast.ended).toMatchObject({ verdict: "satisfied", reason, partial: true, ack });
    expect(names(await all(broadcast))).toEqual(acking.map((member) => `${member} acked`));
  });

  it("ends when the time is over, with what has come until then, and goes on itself (C6)", async () => {
    const { members, client, broadcast, id } = await sent({ idempotencyKey: "once" });
    await members.acked(id, "1");
    await broadcast[Symbol.asyncIterator]().next();
    const options = { handler: "reload", idempotencyKey: "once", timeoutMs: 1 };
    const again = await client.broadcast(SERVICE, { rates: 2 }, options);
    const end = await again.ended;
    expect(end).toMatchObject({ verdict: "open", reason: "deadline", partial: true });
    expect(names(end.members)).toEqual(["0 waiting", "1 acked", "2 waiting"]);
    expect(names(await all(again))).toEqual(["1 acked"]);
    await members.acked(id, "0");
    await members.acked(id, "2");
    expect(await broadcast.ended).toMatchObject({ verdict: "satisfied", partial: false });
    expect(names(await all(again))).toEqual(["1 acked"]);
  });

  it("is waited for no longer when the signal fires, and goes on itself", async () => {
    const caller = new AbortController();
    const { members, client, broadcast, id } = await sent({ signal: caller.signal });
    const outcomes = all(broadcast);
    caller.abort("enough");
    await expect(broadcast.ended).rejects.toMatchObject({ code: "SHARDCAST_ABORTED", cause: "enough" });
    await expect(broadcast.reduce(() => 0, 0)).rejects.toMatchObject({ code: "SHARDCAST_ABORTED" });
    expect(await outcomes).toEqual([]);
    for (const member of ["0", "1", "2"]) await members.acked(id, member);
    const status = await client.broadcasts.status(SERVICE, id, { waitMs: 60_000 });
    expect(status.verdict).toBe("satisfied");
  });

  it("is not sent for who is gone already", async () => {
    const members = await Members.start();
    const client = await members.client();
    const sending = client.broadcast(SERVICE, {}, { signal: AbortSignal.abort("gone") });
    await expect(sending).rejects.toMatchObject({ code: "SHARDCAST_ABORTED", cause: "gone" });
    expect(members.published()).toEqual([]);
  });

  it("is waited for no longer by a client that closes, and nobody has to look", async () => {
    const { client, broadcast } = await sent();
    const outcomes = all(broadcast);
    const { broadcast: unseen, client: other } = await sent();
    await Promise.all([client.close(), other.close()]);
    expect(await outcomes).toEqual([]);
    await expect(broadcast.ended).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    expect(unseen.id).not.toBe(broadcast.id);
    await expect(client.broadcast(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  });

  it("leaves no timer and no listener behind", async () => {
    const members = await Members.start();
    const client = await members.client();
    const caller = new AbortController();
    const calls = { added: 0, removed: 0 };
    const { signal } = caller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      calls.added++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      calls.removed++;
      remove(...args);
    };
    await client.followBroadcasts(SERVICE);
    const before = timers();
    const broadcast = await client.broadcast(SERVICE, {}, { ack: 1, signal });
    expect(timers()).toBeGreaterThan(before);
    await members.acked(broadcast.id, "0");
    await broadcast.ended;
    expect(timers()).toBe(before);
    expect(calls.added).toBeGreaterThan(0);
    expect(calls.removed).toBe(calls.added);
  });

  it("is reduced to what its members replied, in the order in which they did", async () => {
    const { members, broadcast, id } = await sent();
    const reducing = broadcast.reduce((text, { reply }) => `${text}, ${textOf(reply)}`, "replies");
    await members.acked(id, "2");
    await members.failed(id, "0");
    await members.acked(id, "1");
    const { value, end } = await reducing;
    expect(value).toBe("replies, of 2, of 1");
    expect(end).toMatchObject({ verdict: "partly", partial: true });
    const failing = broadcast.reduce(() => {
      throw new Error("mine");
    }, 0);
    await expect(failing).rejects.toThrow("mine");
  });

  it("is cancelled for whom nothing final was said of, once", async () => {
    const { members, broadcast, id } = await sent();
    await members.acked(id, "1");
    await broadcast[Symbol.asyncIterator]().next();
    await broadcast.cancel();
    expect(await broadcast.ended).toMatchObject({ verdict: "partly", reason: "cancelled" });
    expect(names(await all(broadcast))).toEqual(["1 acked", "0 cancelled", "2 cancelled"]);
    await expect(broadcast.cancel()).rejects.toMatchObject({ code: "SHARDCAST_ALREADY_ENDED" });
  });

  it("with an idempotency key is one, whoever repeats it (C5)", async () => {
    const { members, broadcast, id } = await sent({ idempotencyKey: "once" });
    for (const member of ["0", "1"]) await members.acked(id, member);
    const other = await members.client();
    const options = { handler: "reload", idempotencyKey: "once" };
    const again = await other.broadcast(SERVICE, { rates: 2 }, options);
    expect(again).toMatchObject({ id, replayed: true });
    await members.acked(id, "2");
    expect(await again.ended).toEqual(await broadcast.ended);
    expect(names(await all(again))).toEqual(["0 acked", "1 acked", "2 acked"]);
    expect(members.published()).toHaveLength(1);
    await expect(other.broadcast(SERVICE, { rates: 3 }, options)).rejects.toMatchObject({
      code: "SHARDCAST_IDEMPOTENCY_MISMATCH",
    });
  });

  it.each<[string, object, RegExp]>([
    ["ack: 0", { ack: 0 }, /^ack: /],
    ["ack: 1.5", { ack: 1.5 }, /^ack: /],
    ["ack: 10,001", { ack: 10_001 }, /^ack: /],
    ["ack: most", { ack: "most" }, /^ack: /],
    ["more acknowledgements than members", { ack: 4 }, /^ack: /],
    ["ttlMs: 0", { ttlMs: 0 }, /^ttlMs: /],
    ["a longer time to live than broadcasts are kept", { ttlMs: 86_400_001 }, /^ttlMs: /],
    ["timeoutMs: 0", { timeoutMs: 0 }, /^timeoutMs: /],
    ["an idempotency key that is too long", { idempotencyKey: "x".repeat(256) }, /^idempotencyKey: /],
    ["a header that is none", { headers: { "X-Note": "a" } }, /"X-Note"/],
    ["a handler with control characters", { handler: "a\u0000" }, /^handler: /],
  ])("with %s is refused, and not sent (C7)", async (_, options, message) => {
    const members = await Members.start();
    const client = await members.client();
    const error = await client.broadcast(SERVICE, {}, options).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "SHARDCAST_INVALID_REQUEST" });
    expect((error as Error).message).toMatch(message);
    expect(members.published()).toEqual([]);
  });

  it("to a service without topics for broadcasts says so", async () => {
    const client = await connectTo(await startService());
    await expect(client.broadcast(SERVICE)).rejects.toMatchObject({
      code: "SHARDCAST_UNKNOWN_SERVICE",
      message: expect.stringContaining("accounts.broadcast"),
    });
    await expect(client.broadcast("nobody")).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_SERVICE" });
  });

  it("to a service without any members fails, unless nobody is awaited", async () => {
    const members = await Members.start();
    const client = await members.client({ services: { [SERVICE]: { replicas: 0 } } });
    await expect(client.broadcast(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_NO_MEMBERS" });
    const broadcast = await client.broadcast(SERVICE, "nobody", { ack: "none" });
    expect(await broadcast.ended).toMatchObject({ verdict: "satisfied", reason: "not-awaited" });
  });
});
