import { reply, TerminalError } from "@shardcast/worker";
import { describe, expect, test } from "vitest";
import type { Broadcast, BroadcastChange, BroadcastOptions, MemberOutcome } from "../src/index.ts";
import { failure } from "./behaviour.ts";
import { BroadcastStage } from "./support/broadcast-stage.ts";
import { fired } from "./support/stage.ts";
import { type Open, SERVICE, startMembers } from "./support/world.ts";

const MEMBERS = ["0", "1", "2"];
const NO_ID = "01935b2e-0000-7000-8000-000000000000";

/** What every client does that tells all members of a service something, whatever it speaks to. */
export function behavesAsBroadcaster(open: Open): void {
  /** A client, and three members that the test plays. */
  async function stage() {
    const staged = new BroadcastStage();
    const world = await startMembers(3, { staged: staged.handler });
    return { staged, world, client: await open(world) };
  }

  /** A broadcast that they have to acknowledge. */
  async function sent(options: BroadcastOptions = {}) {
    const staged = await stage();
    const broadcast = await staged.client.broadcast(SERVICE, "rates", { handler: "staged", ...options });
    const { id } = broadcast;
    const act = async (member: string) => (await staged.staged.begun(id, member)).end(`by ${member}`);
    return { ...staged, broadcast, id, act };
  }

  describe("a broadcast", () => {
    test("reaches every member, with what was sent, and tells what came of it at each (C6)", async () => {
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      const travels = { headers: { "x-note": "a b" }, traceparent, contentType: "text/x-rates" };
      const { staged, broadcast, id } = await sent({ ...travels, ttlMs: 60_000 });
      expect(broadcast.accepted).toMatchObject({ id, service: SERVICE, handler: "staged", ack: "all" });
      expect(broadcast.accepted).toMatchObject({ verdict: "open", partial: true });
      expect(broadcast.accepted.expiresMs - broadcast.accepted.acceptedMs).toBe(60_000);
      expect(broadcast.replayed).toBe(false);
      const outcomes = broadcast[Symbol.asyncIterator]();
      for (const member of ["2", "0", "1"]) {
        const { message, context, end } = await staged.begun(id, member);
        expect(message).toMatchObject({ contentType: "text/x-rates", headers: { "x-note": "a b" } });
        expect(message.text()).toBe("rates");
        expect(context.traceparent).toBe(traceparent);
        end(
          reply({
            status: 201,
            contentType: "text/x-done",
            headers: { "x-by": member },
            body: `ä ${member}`,
          }),
        );
        const { value } = await outcomes.next();
        expect(value).toMatchObject({ member, kind: "durable", state: "acked", attempt: 1 });
        expect(value.reply).toMatchObject({ status: 201, contentType: "text/x-done" });
        expect(value.reply.headers).toMatchObject({ "x-by": member });
        expect(textOf(value.reply)).toBe(`ä ${member}`);
      }
      expect(await outcomes.next()).toEqual({ done: true, value: undefined });
      expect(await broadcast.ended).toMatchObject({
        verdict: "satisfied",
        reason: "all-answered",
        partial: false,
      });
      expect(names(await all(broadcast))).toEqual(["2 acked", "0 acked", "1 acked"]);
    });

    test("carries bytes there and back", async () => {
      const { staged, client } = await stage();
      const body = new Uint8Array([0, 255, 128]);
      const broadcast = await client.broadcast(SERVICE, body, { handler: "staged", ack: 1 });
      const { message, end } = await staged.begun(broadcast.id, "0");
      expect(new Uint8Array(message.body)).toEqual(body);
      end(reply({ body }));
      const { value } = await broadcast[Symbol.asyncIterator]().next();
      expect(new Uint8Array(value.reply.body)).toEqual(body);
    });

    test("that some members fail says which, why, and after how many attempts (C6, C9)", async () => {
      const { staged, broadcast, id, act } = await sent();
      (await staged.begun(id, "0")).fail(new TerminalError("no room"));
      (await staged.begun(id, "1")).fail(new Error("not yet"));
      (await staged.begun(id, "1", 2)).fail(new Error("never"));
      await act("2");
      const end = await broadcast.ended;
      expect(end).toMatchObject({ verdict: "partly", reason: "all-answered", partial: true });
      expect(end.members).toMatchObject([
        { member: "0", state: "failed", attempts: 1, code: "SHARDCAST_HANDLER_REFUSED" },
        { member: "1", state: "failed", attempts: 2, reason: expect.stringContaining("never") },
        { member: "2", state: "acked" },
      ]);
    });

    test.each<[NonNullable<BroadcastOptions["ack"]>, string[], string]>([
      ["quorum", ["2", "1"], "quorum"],
      [1, ["0"], "count-reached"],
      ["none", [], "not-awaited"],
    ])("for %s ends as soon as so many have acknowledged (C6)", async (ack, acting, reason) => {
      const { broadcast, act } = await sent({ ack });
      const coming = all(broadcast);
      for (const member of acting) await act(member);
      expect(await broadcast.ended).toMatchObject({ ack, verdict: "satisfied", reason, partial: true });
      expect(names(await coming).sort()).toEqual(acting.map((member) => `${member} acked`).sort());
    });

    test("is waited for no longer than wanted, told what has come until then, and goes on (C6)", async () => {
      const { client, broadcast, id, act } = await sent({ idempotencyKey: "once" });
      await act("1");
      await broadcast[Symbol.asyncIterator]().next();
      const options = { handler: "staged", idempotencyKey: "once", timeoutMs: 1 };
      const again = await client.broadcast(SERVICE, "rates", options);
      const end = await again.ended;
      expect(end).toMatchObject({ id, verdict: "open", reason: "deadline", partial: true });
      expect(names(end.members.filter(({ state }) => state === "acked"))).toEqual(["1 acked"]);
      expect(names(await all(again))).toEqual(["1 acked"]);
      await act("0");
      await act("2");
      expect(await broadcast.ended).toMatchObject({ verdict: "satisfied" });
    });

    test("is gathered into one value", async () => {
      const { broadcast, act } = await sent();
      const gathering = broadcast.reduce((text, { reply: said }) => `${text}, ${textOf(said)}`, "done");
      const coming = broadcast[Symbol.asyncIterator]();
      for (const member of ["1", "0", "2"]) {
        await act(member);
        await coming.next();
      }
      const { value, end } = await gathering;
      expect(value).toBe("done, by 1, by 0, by 2");
      expect(end).toMatchObject({ verdict: "satisfied", partial: false });
      const failing = broadcast.reduce(() => {
        throw new Error("mine");
      }, 0);
      await expect(failing).rejects.toThrow("mine");
    });

    test("with an idempotency key is one, whoever repeats it (C5)", async () => {
      const { world, staged, broadcast, id, act } = await sent({ idempotencyKey: 'say "once" \\ ' });
      const other = await open(world);
      const options = { handler: "staged", idempotencyKey: 'say "once" \\ ' };
      const again = await other.broadcast(SERVICE, "rates", options);
      expect(again).toMatchObject({ id, replayed: true });
      for (const member of MEMBERS) await act(member);
      expect(await again.ended).toEqual(await broadcast.ended);
      expect(staged.acts).toHaveLength(3);
      const error = await failure(other.broadcast(SERVICE, "others", options));
      expect(error).toMatchObject({ code: "SHARDCAST_IDEMPOTENCY_MISMATCH", status: 422 });
    });

    test("is stopped for those that have not done it", async () => {
      const { staged, broadcast, id, act } = await sent();
      await act("0");
      await broadcast[Symbol.asyncIterator]().next();
      const { context, fail } = await staged.begun(id, "1");
      await broadcast.cancel();
      await fired(context.signal);
      fail(new Error("stopped"));
      expect(await broadcast.ended).toMatchObject({ verdict: "partly", reason: "cancelled" });
      expect(names(await all(broadcast))).toEqual(["0 acked", "1 cancelled", "2 cancelled"]);
      const error = await failure(broadcast.cancel());
      expect(error).toMatchObject({ code: "SHARDCAST_ALREADY_ENDED", status: 409 });
    });

    test("is waited for no longer when the signal fires", async () => {
      const caller = new AbortController();
      const { client, broadcast, id, act } = await sent({ signal: caller.signal });
      const coming = all(broadcast);
      caller.abort("enough");
      expect(await failure(broadcast.ended)).toMatchObject({ code: "SHARDCAST_ABORTED", cause: "enough" });
      expect(await coming).toEqual([]);
      for (const member of MEMBERS) await act(member);
      const status = await client.broadcasts.status(SERVICE, id, { waitMs: 60_000 });
      expect(status.verdict).toBe("satisfied");
      const sending = client.broadcast(SERVICE, "", { handler: "staged", signal: caller.signal });
      expect((await failure(sending)).code).toBe("SHARDCAST_ABORTED");
    });

    test("is waited for no longer by a client that closes, and nobody has to look", async () => {
      const { client, broadcast } = await sent();
      const coming = all(broadcast);
      await client.close();
      expect(await coming).toEqual([]);
      expect((await failure(broadcast.ended)).code).toBe("SHARDCAST_CLOSED");
      expect((await failure(client.broadcast(SERVICE))).code).toBe("SHARDCAST_CLOSED");
    });

    test.each<[string, object, RegExp]>([
      ["ack: 0", { ack: 0 }, /^ack: /],
      ["ack: 1.5", { ack: 1.5 }, /^ack: /],
      ["ack: 10,001", { ack: 10_001 }, /^ack: /],
      ["ack: most", { ack: "most" }, /^ack: /],
      ["more acknowledgements than members", { ack: 4 }, /^ack: /],
      ["ttlMs: 0", { ttlMs: 0 }, /^ttlMs: /],
      ["a longer time to live than broadcasts are kept", { ttlMs: 86_401_000 }, /^ttl/],
      ["timeoutMs: 0", { timeoutMs: 0 }, /^timeoutMs: /],
      ["an empty idempotency key", { idempotencyKey: "" }, /^idempotencyKey: /],
      ["a header that is none", { headers: { "X-Note": "a" } }, /"X-Note"/],
      ["a handler with control characters", { handler: "a\u0000" }, /^handler: /],
    ])("with %s is refused (C7)", async (_, options, message) => {
      const client = await open(await startMembers(1, { "": () => {} }));
      const error = await failure(client.broadcast(SERVICE, "", options));
      expect(error).toMatchObject({ code: "SHARDCAST_INVALID_REQUEST", status: 400 });
      expect(error.message).toMatch(message);
    });

    test("to a service that is none, or whose members take none, fails", async () => {
      const client = await open(await startMembers(1, {}));
      expect((await failure(client.broadcast("nobody"))).code).toBe("SHARDCAST_UNKNOWN_SERVICE");
      expect(await failure(client.broadcast(SERVICE))).toMatchObject({
        code: "SHARDCAST_NO_MEMBERS",
        status: 503,
      });
    });
  });

  describe("what has become of broadcasts", () => {
    test("is known to who did not send them (C6)", async () => {
      const { world, broadcast, id, act } = await sent({ ack: 1 });
      const { broadcasts } = await open(world);
      const waiting = broadcasts.status(SERVICE, id, { waitMs: 60_000 });
      await act("2");
      const status = await waiting;
      expect(status).toMatchObject({ verdict: "satisfied", reason: "count-reached" });
      expect(textOf(repliesIn(status.members)[0])).toBe("by 2");
      await broadcast.ended;
      expect(await broadcasts.status(SERVICE, id)).toMatchObject({ verdict: "satisfied", id });
    });

    test("is told as it comes, after the verdict as well, until nothing more can come", async () => {
      const { world, id, act } = await sent({ ack: "quorum" });
      const { broadcasts } = await open(world);
      const events = broadcasts.events(SERVICE, id)[Symbol.asyncIterator]();
      const seen: BroadcastChange[] = [(await events.next()).value];
      expect(seen[0]?.members.map(({ member }) => member)).toEqual(MEMBERS);
      for (const member of MEMBERS) {
        await act(member);
        while (!finals(seen).includes(`${member} acked`)) seen.push((await events.next()).value);
      }
      for (;;) {
        const { done, value } = await events.next();
        if (done === true) break;
        seen.push(value);
      }
      expect(finals(seen)).toEqual(["0 acked", "1 acked", "2 acked"]);
      expect(seen.at(-1)?.status).toMatchObject({ verdict: "satisfied", reason: "quorum", partial: false });
      const seqs = seen.map(({ seq }) => seq);
      expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
      const after = seqs.at(-1) ?? 0;
      const later = broadcasts.events(SERVICE, id, { after })[Symbol.asyncIterator]();
      expect(await later.next()).toEqual({ done: true, value: undefined });
      const partly = broadcasts.events(SERVICE, id, { after: after - 1 });
      const missed: BroadcastChange[] = [];
      for await (const change of partly) missed.push(change);
      expect(finals(missed)).toEqual(["2 acked"]);
    });

    test("is no longer told when the signal fires, and when the client closes", async () => {
      const { client, id } = await sent();
      const caller = new AbortController();
      for (const [signal, stop] of [
        [caller.signal, () => caller.abort()],
        [new AbortController().signal, () => void client.close()],
      ] as const) {
        const events = client.broadcasts.events(SERVICE, id, { signal })[Symbol.asyncIterator]();
        await events.next();
        const rest = toEnd(events);
        stop();
        await rest;
      }
    });

    test("is listed, the newest first", async () => {
      const { client, broadcast, id, act } = await sent({ ack: 1 });
      const { id: second } = await client.broadcast(SERVICE, "", { handler: "staged" });
      await act("0");
      await broadcast.ended;
      const ids = async (query: Parameters<typeof client.broadcasts.list>[1]) =>
        (await client.broadcasts.list(SERVICE, query)).items.map((each) => each.id);
      expect(await ids({})).toEqual([second, id]);
      expect(await ids({ state: "open", handler: "staged" })).toEqual([second]);
      expect(await ids({ state: "ended" })).toEqual([id]);
      expect(await ids({ handler: "a ä?&=" })).toEqual([]);
      const { items, next = "" } = await client.broadcasts.list(SERVICE, { limit: 1 });
      expect(items).toHaveLength(1);
      expect(await client.broadcasts.list(SERVICE, { limit: 1, after: next })).toEqual({
        items: [expect.objectContaining({ id })],
      });
      for (const [query, message] of [
        [{ limit: 501 }, /^limit: /],
        [{ state: "closed" as "open" }, /^state: /],
        [{ after: "not one" }, /^after: /],
      ] as const) {
        const error = await failure(client.broadcasts.list(SERVICE, query));
        expect(error.code).toBe("SHARDCAST_INVALID_REQUEST");
        expect(error.message).toMatch(message);
      }
    });

    test("can be mended: those that failed get it again, as a broadcast of its own", async () => {
      const { staged, client, broadcast, id, act } = await sent();
      const { broadcasts } = client;
      expect((await failure(broadcasts.redrive(SERVICE, id))).code).toBe("SHARDCAST_NO_MEMBERS");
      await act("0");
      (await staged.begun(id, "1")).fail(new TerminalError("no room"));
      await act("2");
      await broadcast.ended;
      const again = await broadcasts.redrive(SERVICE, id, { ack: "quorum", ttlMs: 5_000 });
      expect(again.id).not.toBe(id);
      expect(again.accepted).toMatchObject({ redriveOf: id, ack: "quorum", members: [{ member: "1" }] });
      const { message, end } = await staged.begun(again.id, "1");
      expect(message.text()).toBe("rates");
      end("now");
      expect(await again.ended).toMatchObject({ verdict: "satisfied", reason: "quorum" });
      expect(await broadcasts.status(SERVICE, id)).toMatchObject({ verdict: "partly" });
      const refused = broadcasts.redrive(SERVICE, id, { ack: 1.5 });
      expect((await failure(refused)).code).toBe("SHARDCAST_INVALID_REQUEST");
    });

    test("of none is unknown", async () => {
      const { broadcasts } = await open(await startMembers(1, {}));
      for (const id of ["", "no-id", "..", "a/b", NO_ID]) {
        const asked = [
          broadcasts.status(SERVICE, id),
          broadcasts.cancel(SERVICE, id),
          broadcasts.redrive(SERVICE, id),
          broadcasts.events(SERVICE, id)[Symbol.asyncIterator]().next(),
        ];
        for (const call of asked) expect((await failure(call)).code).toBe("SHARDCAST_UNKNOWN_BROADCAST");
      }
    });
  });
}

async function all(broadcast: Broadcast): Promise<MemberOutcome[]> {
  const outcomes: MemberOutcome[] = [];
  for await (const outcome of broadcast) outcomes.push(outcome);
  return outcomes;
}

async function toEnd(events: AsyncIterator<unknown>): Promise<void> {
  while ((await events.next()).done !== true);
}

function names(outcomes: readonly MemberOutcome[]): string[] {
  return outcomes.map(({ member, state }) => `${member} ${state}`);
}

/** Who has acknowledged, in the order in which that was told. */
function finals(changes: readonly BroadcastChange[]): string[] {
  return names(changes.flatMap(({ members }) => members)).filter((name) => name.endsWith(" acked"));
}

function repliesIn(outcomes: readonly MemberOutcome[]) {
  return outcomes.flatMap((outcome) => (outcome.state === "acked" ? [outcome.reply] : []));
}

function textOf(answer: { readonly body: Uint8Array } | undefined): string {
  return new TextDecoder().decode(answer?.body);
}
