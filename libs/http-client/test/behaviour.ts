import { defineService, isTypedError, typed } from "@shardcast/contract";
import { isShardcastError, type ShardcastError } from "@shardcast/protocol";
import { type HandlerResult, implement, reply, TerminalError } from "@shardcast/worker";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { EndedStatus, HttpClient, Owner, RequestStatus, Shards } from "../src/index.ts";
import { fired, Stage } from "./support/stage.ts";
import { MEMBER_URL, type Open, publishMap, SERVICE, startWorld } from "./support/world.ts";

const Balance = z.object({ balance: z.int() });
const contract = defineService(SERVICE, {
  handlers: {
    withdraw: {
      input: z.object({ cents: z.int().positive() }),
      output: Balance,
      errors: { too_much: { status: 409, details: Balance } },
    },
  },
});

/** What every client of a service does, whatever it speaks to. */
export function behavesAsClient(open: Open): void {
  /** A client, and a worker whose handler `staged` the test plays. */
  async function stage(handlers: Parameters<typeof startWorld>[0] = {}) {
    const staged = new Stage();
    const world = await startWorld({ ...handlers, staged: staged.handler });
    return { staged, world, client: await open(world) };
  }

  /** A client of one handler. */
  async function clientOf(handler: Parameters<typeof startWorld>[0][string]): Promise<HttpClient> {
    return (await stage({ handler })).client;
  }

  describe("a request", () => {
    test("is answered with what its handler says, and with its id (C4)", async () => {
      const headers = { "x-a": "1", "x-b": "two words" };
      let id = "";
      const client = await clientOf((request) => {
        id = request.id;
        return reply({ status: 201, headers, contentType: "text/x-answer", body: "yes" });
      });
      const answer = await client.request(SERVICE, "carol", undefined, { handler: "handler" });
      expect(answer).toMatchObject({ id, status: 201, contentType: "text/x-answer", headers });
      expect(textOf(answer)).toBe("yes");
    });

    test("takes a key and a handler of any characters", async () => {
      const handler = "a b/ä?x=1#%2F/;,";
      const { client } = await stage({ [handler]: (request) => [request.key, request.handler] });
      for (const key of ["50%/ä ?#&=+", "€ / 漢字", "a//b/../c", "%2E", "\ud800 alone"]) {
        const answer = await client.request(SERVICE, key, undefined, { handler });
        expect(jsonOf(answer)).toEqual([key.toWellFormed(), handler]);
      }
      const answer = await client.request(SERVICE, new TextEncoder().encode("ü"), undefined, { handler });
      expect(jsonOf(answer)).toEqual(["ü", handler]);
    });

    test.each([
      ["nothing", undefined, undefined, ""],
      ["text", "tëxt", undefined, "tëxt"],
      ["bytes", new Uint8Array([0xe2, 0x82, 0xac]), undefined, "€"],
      ["an object", { a: ["ä"] }, "application/json", '{"a":["ä"]}'],
      ["null", null, "application/json", "null"],
      ["a number", 1.5, "application/json", "1.5"],
    ])("carries %s", async (_, body, contentType, text) => {
      const client = await clientOf((request) => [request.contentType ?? "none", request.text()]);
      const plain = await client.request(SERVICE, "carol", body, { handler: "handler" });
      expect(jsonOf(plain)).toEqual([contentType ?? "none", text]);
      const typed = await client.request(SERVICE, "carol", body, {
        handler: "handler",
        contentType: "text/x-mine; a=b",
      });
      expect(jsonOf(typed)).toEqual(["text/x-mine; a=b", text]);
    });

    test("carries headers and trace to its handler", async () => {
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      const client = await clientOf(({ headers }, context) => [headers["x-note"], context.traceparent]);
      const options = { handler: "handler", headers: { "x-note": "a b" }, traceparent };
      expect(jsonOf(await client.request(SERVICE, "carol", {}, options))).toEqual(["a b", traceparent]);
    });

    test("fails with what its handler threw, and with its id (C3)", async () => {
      let id = "";
      const client = await clientOf((request) => {
        id = request.id;
        throw new TerminalError("cents: too many", { status: 409, details: { limit: 3 } });
      });
      const error = await failure(client.request(SERVICE, "carol", {}, { handler: "handler" }));
      expect(error).toMatchObject({
        code: "SHARDCAST_HANDLER_REFUSED",
        status: 409,
        message: "cents: too many",
      });
      expect(error.extensions).toMatchObject({ limit: 3, requestId: id });
    });

    test("whose handler answers with an error status is answered all the same", async () => {
      const client = await clientOf(() => reply({ status: 503, body: { code: "MINE" } }));
      const answer = await client.request(SERVICE, "carol", {}, { handler: "handler" });
      expect(answer.status).toBe(503);
      expect(jsonOf(answer)).toEqual({ code: "MINE" });
    });

    test("whose handler redirects is answered with the redirection", async () => {
      const client = await clientOf(() => reply({ status: 303, headers: { location: "/elsewhere" } }));
      const answer = await client.request(SERVICE, "carol", {}, { handler: "handler" });
      expect(answer).toMatchObject({ status: 303, headers: { location: "/elsewhere" } });
    });

    test("is given up when its time is over, and says which one it was (C8)", async () => {
      const { client, staged } = await stage();
      const waiting = failure(client.request(SERVICE, "carol", {}, { handler: "staged", timeoutMs: 500 }));
      const { request, context } = await staged.started(1);
      expect(context.remainingMs()).toBeLessThanOrEqual(500);
      const error = await waiting;
      expect(error.code).toBe("SHARDCAST_DEADLINE_EXCEEDED");
      expect(error.extensions.requestId).toBe(request.id);
    });

    test("is given up when the signal fires, and goes on", async () => {
      const { client, staged } = await stage();
      const caller = new AbortController();
      const options = { handler: "staged", signal: caller.signal };
      const waiting = failure(client.request(SERVICE, "carol", {}, options));
      const { context, end } = await staged.started(1);
      caller.abort("enough");
      expect(await waiting).toMatchObject({ code: "SHARDCAST_ABORTED", cause: "enough" });
      expect(context.signal.aborted).toBe(false);
      end();
    });

    test("is not sent when the signal has fired", async () => {
      const { client, staged } = await stage();
      const options = { handler: "staged", signal: AbortSignal.abort() };
      const error = await failure(client.request(SERVICE, "carol", {}, options));
      expect(error.code).toBe("SHARDCAST_ABORTED");
      expect(staged.calls).toHaveLength(0);
    });

    test("is cancelled with the caller who wants that", async () => {
      const { client, staged } = await stage();
      const caller = new AbortController();
      const options = { handler: "staged", signal: caller.signal, cancelOnAbort: true };
      const waiting = failure(client.request(SERVICE, "carol", {}, options));
      const { context, fail } = await staged.started(1);
      caller.abort();
      expect((await waiting).code).toBe("SHARDCAST_ABORTED");
      await fired(context.signal);
      fail(new Error("stopped"));
    });

    test.each<[string, Partial<Parameters<HttpClient["request"]>[3]> & object, RegExp]>([
      ["timeoutMs: 0", { timeoutMs: 0 }, /^timeoutMs: /],
      ["timeoutMs: 1.5", { timeoutMs: 1.5 }, /^timeoutMs: /],
      ["an empty idempotency key", { idempotencyKey: "" }, /^idempotencyKey: /],
      ["a long idempotency key", { idempotencyKey: "x".repeat(256) }, /^idempotencyKey: /],
      ["a callback that is none", { callbackUrl: "told.example" }, /^callbackUrl: /],
      ["a header that is none", { headers: { "X-Note": "a" } }, /"X-Note"/],
      ["a header without a text", { headers: { "x-note": 1 as unknown as string } }, /"x-note"/],
      ["a time that is none", { notBeforeMs: Number.NaN }, /^notBeforeMs: /],
      ["a handler with control characters", { handler: "a\u0000" }, /^handler: /],
    ])("with %s is refused (C7)", async (_, options, message) => {
      const { client } = await stage();
      const error = await failure(client.request(SERVICE, "carol", {}, options));
      expect(error).toMatchObject({ code: "SHARDCAST_INVALID_REQUEST", status: 400 });
      expect(error.message).toMatch(message);
    });

    test("without a key, or with a body that is no JSON, is refused", async () => {
      const { client } = await stage();
      expect((await failure(client.request(SERVICE, ""))).code).toBe("SHARDCAST_INVALID_KEY");
      const circle: { self?: object } = {};
      circle.self = circle;
      for (const body of [circle, (() => {}) as unknown as object, { big: 1n } as unknown as object]) {
        const error = await failure(client.request(SERVICE, "carol", body));
        expect(error.message).toMatch(/^body: /);
      }
    });

    test("for a service that is none fails with SHARDCAST_UNKNOWN_SERVICE", async () => {
      const { client } = await stage();
      expect((await failure(client.request("nobody", "carol"))).code).toBe("SHARDCAST_UNKNOWN_SERVICE");
    });
  });

  test("a service with a contract is called by it, and what it declares as an error is one", async () => {
    const { client } = await stage(
      implement(contract, {
        withdraw: ({ input, fail }) =>
          input.cents > 100 ? fail("too_much", { balance: 100 }) : { balance: 100 - input.cents },
      }),
    );
    const accounts = typed(client, contract);
    expect(await accounts.withdraw("carol", { cents: 30 }, { timeoutMs: 5_000 })).toEqual({ balance: 70 });
    const error: unknown = await accounts
      .withdraw("carol", { cents: 101 })
      .catch((thrown: unknown) => thrown);
    expect(isTypedError(error, contract, "withdraw")).toBe(true);
    expect(error).toMatchObject({ name: "too_much", details: { balance: 100 }, status: 409 });
    await expect(accounts.withdraw("carol", { cents: -1 })).rejects.toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      extensions: { issues: [{ pointer: "/cents" }] },
    });
  });

  describe("a request with an idempotency key", () => {
    test("runs once, and whoever repeats it gets its answer (C5)", async () => {
      const { client, staged } = await stage();
      const options = { handler: "staged", idempotencyKey: 'say "once" \\ ' };
      const first = client.request(SERVICE, "carol", { cents: 1 }, options);
      const beside = client.request(SERVICE, "carol", { cents: 1 }, options);
      (await staged.started(1)).end({ balance: 1 });
      const later = await client.request(SERVICE, "carol", { cents: 1 }, options);
      const { id } = await first;
      for (const answer of [await first, await beside, later]) {
        expect(answer.id).toBe(id);
        expect(jsonOf(answer)).toEqual({ balance: 1 });
      }
      expect(staged.calls).toHaveLength(1);
    });

    test("and another content than the first is refused (C5)", async () => {
      const client = await clientOf(() => "done");
      const options = { handler: "handler", idempotencyKey: "once" };
      await client.request(SERVICE, "carol", { cents: 1 }, options);
      const error = await failure(client.request(SERVICE, "carol", { cents: 2 }, options));
      expect(error).toMatchObject({ code: "SHARDCAST_IDEMPOTENCY_MISMATCH", status: 422 });
    });

    test("gets a failure again as well (C5)", async () => {
      let calls = 0;
      const client = await clientOf(() => {
        calls++;
        throw new TerminalError("no", { details: { why: "because" } });
      });
      const options = { handler: "handler", idempotencyKey: "once" };
      for (let round = 0; round < 2; round++) {
        const error = await failure(client.request(SERVICE, "carol", {}, options));
        expect(error).toMatchObject({ code: "SHARDCAST_HANDLER_REFUSED", message: "no", status: 422 });
        expect(error.extensions.why).toBe("because");
      }
      expect(calls).toBe(1);
    });
  });

  describe("a request that is submitted", () => {
    test("is found by its id, while it runs and when it has ended (C3)", async () => {
      const { client, staged } = await stage();
      const submitted = await client.submit(SERVICE, "carol", { cents: 1 }, { handler: "staged" });
      expect(submitted).toEqual({ id: expect.any(String) });
      const { id } = submitted;
      const call = await staged.started(1);
      expect(call.request.id).toBe(id);
      expect(await settledAs(client, id, "running")).toMatchObject({ state: "running", id, attempt: 1 });
      const waiting = client.result(SERVICE, id, { waitMs: 60_000 });
      call.end(reply({ status: 201, headers: { "x-a": "1" }, body: { balance: 1 } }));
      for (const status of [await waiting, await client.result(SERVICE, id)]) {
        expect(status).toMatchObject({ state: "ended", end: "replied", id, status: 201 });
        const ended = status as EndedStatus;
        expect(ended.error).toBeUndefined();
        expect(ended.headers).toMatchObject({ "x-a": "1" });
        expect(ended.contentType).toBe("application/json");
        expect(jsonOf(ended)).toEqual({ balance: 1 });
      }
    });

    test("is waited for no longer than wanted", async () => {
      const { client, staged } = await stage();
      const options = { handler: "staged", waitMs: 1 };
      const { id, ...more } = await client.submit(SERVICE, "carol", {}, options);
      expect(more).toEqual({});
      const { end } = await staged.started(1);
      expect((await client.result(SERVICE, id, { waitMs: 1 })).state).not.toBe("ended");
      end("done");
      expect((await client.result(SERVICE, id, { waitMs: 60_000 })).state).toBe("ended");
    });

    test("is answered at once where that comes in time", async () => {
      const client = await clientOf(() => reply({ status: 202, body: "accepted, says the handler" }));
      const options = { handler: "handler", waitMs: 60_000 };
      const { id, reply: answer } = await client.submit(SERVICE, "carol", {}, options);
      expect(answer).toMatchObject({ id, status: 202 });
      expect(answer && textOf(answer)).toBe("accepted, says the handler");
    });

    test("and fails says so where it is asked for, and to who waits", async () => {
      const client = await clientOf(() => {
        throw new TerminalError("no", { status: 418 });
      });
      const { id } = await client.submit(SERVICE, "carol", {}, { handler: "handler" });
      const status = await client.result(SERVICE, id, { waitMs: 60_000 });
      expect(status).toMatchObject({ state: "ended", end: "failed", status: 418 });
      const { error } = status as EndedStatus;
      expect(error).toMatchObject({ code: "SHARDCAST_HANDLER_REFUSED", message: "no", status: 418 });
      expect(error?.extensions.requestId).toBe(id);
      const waiting = client.submit(SERVICE, "carol", {}, { handler: "handler", waitMs: 60_000 });
      expect((await failure(waiting)).code).toBe("SHARDCAST_HANDLER_REFUSED");
    });

    test("and fails at every attempt ends in the dead letters (C9)", async () => {
      const client = await clientOf(() => {
        throw new Error("again");
      });
      const { id } = await client.submit(SERVICE, "carol", {}, { handler: "handler" });
      const status = await client.result(SERVICE, id, { waitMs: 60_000 });
      expect(status).toMatchObject({ state: "ended", end: "dead-lettered" });
      expect((status as EndedStatus).error?.code).toBe("SHARDCAST_ATTEMPTS_EXHAUSTED");
    });

    test("may have an idempotency key (C5)", async () => {
      const { client, staged } = await stage();
      const options = { handler: "staged", idempotencyKey: "once" };
      const { id } = await client.submit(SERVICE, "carol", {}, options);
      expect(await client.submit(SERVICE, "carol", {}, options)).toEqual({ id });
      (await staged.started(1)).end("done");
      const answer = await client.request(SERVICE, "carol", {}, options);
      expect(answer.id).toBe(id);
      expect(staged.calls).toHaveLength(1);
    });

    test("does not start before its time, and can be cancelled until then", async () => {
      const { client, staged } = await stage();
      const options = { handler: "staged", notBeforeMs: Date.now() + 3_600_000 };
      const { id } = await client.submit(SERVICE, "carol", {}, options);
      expect(await client.result(SERVICE, id)).toEqual({ state: "pending", id });
      await client.cancel(SERVICE, id);
      const status = await client.result(SERVICE, id, { waitMs: 60_000 });
      expect(status).toMatchObject({ state: "ended", end: "cancelled" });
      expect((status as EndedStatus).error).toMatchObject({ code: "SHARDCAST_CANCELLED", status: 410 });
      expect(staged.calls).toHaveLength(0);
    });

    test("can be stopped while it runs, once", async () => {
      const { client, staged } = await stage();
      const { id } = await client.submit(SERVICE, "carol", {}, { handler: "staged" });
      const { context, fail } = await staged.started(1);
      await client.cancel(SERVICE, id);
      await fired(context.signal);
      fail(new Error("stopped"));
      const status = await client.result(SERVICE, id, { waitMs: 60_000 });
      expect(status).toMatchObject({ state: "ended", end: "cancelled" });
      const error = await failure(client.cancel(SERVICE, id));
      expect(error).toMatchObject({ code: "SHARDCAST_ALREADY_ENDED", status: 409 });
    });

    test("and is none is unknown", async () => {
      const client = await clientOf(() => "done");
      await client.request(SERVICE, "carol", {}, { handler: "handler" });
      for (const id of ["", "no-id", "..", "a/b", "01935b2e-0000-7000-8000-000000000000"]) {
        const asked = [
          client.result(SERVICE, id),
          client.cancel(SERVICE, id),
          client.events(SERVICE, id)[Symbol.asyncIterator]().next(),
        ];
        for (const call of asked) expect((await failure(call)).code).toBe("SHARDCAST_UNKNOWN_REQUEST");
      }
    });

    test("is no longer asked for when the signal fires", async () => {
      const { client, staged } = await stage();
      const { id } = await client.submit(SERVICE, "carol", {}, { handler: "staged" });
      const { end } = await staged.started(1);
      const caller = new AbortController();
      const waiting = failure(client.result(SERVICE, id, { waitMs: 60_000, signal: caller.signal }));
      await client.result(SERVICE, id);
      caller.abort("enough");
      expect(await waiting).toMatchObject({ code: "SHARDCAST_ABORTED", cause: "enough" });
      end();
    });
  });

  describe("events", () => {
    test("tell what comes of a request, to its end", async () => {
      const { client, staged } = await stage();
      const { id } = await client.submit(SERVICE, "carol", {}, { handler: "staged" });
      const first = await staged.started(1);
      const events = client.events(SERVICE, id)[Symbol.asyncIterator]();
      await nextAs(events, "running");
      first.fail(new Error("not yet"));
      const retrying = await nextAs(events, "retrying");
      expect(retrying).toMatchObject({ id, attempt: 1, reason: expect.stringContaining("not yet") });
      const second = await staged.started(2);
      expect(await nextAs(events, "running")).toMatchObject({ id, attempt: 2 });
      second.end({ balance: 1 });
      const ended = (await nextAs(events, "ended")) as EndedStatus;
      expect(ended).toMatchObject({ id, end: "replied", status: 200 });
      expect(jsonOf(ended)).toEqual({ balance: 1 });
      expect(await events.next()).toEqual({ done: true, value: undefined });
    });

    test("of what has ended already are its end", async () => {
      const client = await clientOf(() => "done");
      const { id } = await client.submit(SERVICE, "carol", {}, { handler: "handler" });
      await client.result(SERVICE, id, { waitMs: 60_000 });
      const states = [];
      for await (const { state } of client.events(SERVICE, id)) states.push(state);
      expect(states.at(-1)).toBe("ended");
    });

    test("are over when the signal fires, and when the client closes", async () => {
      const { client, staged } = await stage();
      const { id } = await client.submit(SERVICE, "carol", {}, { handler: "staged" });
      const { end } = await staged.started(1);
      const caller = new AbortController();
      for (const [signal, stop] of [
        [caller.signal, () => caller.abort()],
        [new AbortController().signal, () => void client.close()],
      ] as const) {
        const events = client.events(SERVICE, id, { signal })[Symbol.asyncIterator]();
        await nextAs(events, "running");
        const next = events.next();
        stop();
        expect(await next).toEqual({ done: true, value: undefined });
      }
      end();
    });
  });

  describe("a client", () => {
    test("says who has a key and the lanes", async () => {
      const { client } = await stage();
      const owner = await client.owner(SERVICE, "carol");
      expect(owner).toEqual({
        service: SERVICE,
        lane: owner.lane,
        ordinal: 0,
        epoch: 0,
        replicas: 1,
        state: "owned",
        member: "0",
        url: MEMBER_URL,
        fencingToken: expect.any(Number),
      });
      const { service, epoch, replicas, ...lane } = owner;
      const shards = await client.shards(SERVICE);
      expect(shards).toMatchObject({ service, epoch, replicas });
      expect(shards.lanes).toHaveLength(3);
      expect(shards.lanes[owner.lane]).toEqual(lane);
      expect(shards.members).toEqual([{ member: lane.member, state: "up", url: lane.url }]);
    });

    test("watches who has a key, and the lanes, until the signal fires or it closes", async () => {
      const { client, world } = await stage();
      const caller = new AbortController();
      const owners = client.watchOwner(SERVICE, "carol", { signal: caller.signal })[Symbol.asyncIterator]();
      const shards = client.watchShards(SERVICE)[Symbol.asyncIterator]();
      const { value: owner } = await owners.next();
      expect(owner).toEqual(await client.owner(SERVICE, "carol"));
      expect((await shards.next()).value).toEqual(await client.shards(SERVICE));
      await publishMap(world, [1, 1, 1]);
      for (const each of [owners, shards]) await untilReleased(each);
      const waiting = [owners.next(), shards.next()];
      caller.abort();
      expect(await waiting[0]).toEqual({ done: true, value: undefined });
      await client.close();
      expect(await waiting[1]).toEqual({ done: true, value: undefined });
    });

    test.each([
      ["a key", (client: HttpClient) => client.watchOwner("unknown", "carol")],
      ["the lanes", (client: HttpClient) => client.watchShards("unknown")],
    ])("does not watch %s of a service that is not there", async (_, watch) => {
      const { client } = await stage();
      const first = watch(client)[Symbol.asyncIterator]().next();
      expect((await failure(first)).code).toBe("SHARDCAST_UNKNOWN_SERVICE");
    });

    test("that closes ends what waits, and takes nothing new", async () => {
      const { client, staged } = await stage();
      const waiting = failure(client.request(SERVICE, "carol", {}, { handler: "staged" }));
      const { end } = await staged.started(1);
      await client.close();
      await client.close();
      expect((await waiting).code).toBe("SHARDCAST_CLOSED");
      expect((await failure(client.request(SERVICE, "carol"))).code).toBe("SHARDCAST_CLOSED");
      end();
    });
  });
}

function textOf({ body }: { readonly body: Uint8Array }): string {
  return new TextDecoder().decode(body);
}

function jsonOf(answer: { readonly body: Uint8Array }): HandlerResult {
  return JSON.parse(textOf(answer)) as HandlerResult;
}

/** What a promise rejects with, checked to be one of ours. */
export async function failure(failing: Promise<unknown>): Promise<ShardcastError> {
  const error = await failing.then(
    (value) => new Error(`it did not fail: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!isShardcastError(error)) throw error;
  return error;
}

/** Reads until nobody owns a lane any more; those between may be told or not. */
async function untilReleased(states: AsyncIterator<Owner | Shards>): Promise<void> {
  for (;;) {
    const { done, value } = await states.next();
    if (done) throw new Error("never released");
    expect(value.epoch).toBe(1);
    const lanes = "lanes" in value ? value.lanes : [value];
    if (lanes.every(({ ordinal, state }) => ordinal === 1 && state === "released")) return;
  }
}

/** Asks until it stands so. */
async function settledAs(client: HttpClient, id: string, state: RequestStatus["state"]) {
  for await (const status of client.events(SERVICE, id)) {
    if (status.state === state) return client.result(SERVICE, id);
  }
  throw new Error(`never ${state}`);
}

/** The next event of a state; only "pending" may come before it. */
async function nextAs(events: AsyncIterator<RequestStatus>, state: RequestStatus["state"]) {
  for (;;) {
    const { done, value } = await events.next();
    if (done) throw new Error(`no ${state} to the end`);
    if (value.state === state) return value;
    if (value.state !== "pending") throw new Error(`${value.state}, not ${state}`);
  }
}
