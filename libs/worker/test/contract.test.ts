import { defineService } from "@shardcast/contract";
import { isShardcastError } from "@shardcast/protocol";
import * as v from "valibot";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { z } from "zod";
import { type Implementation, implement } from "../src/contract.ts";
import { type HandlerContext, type HandlerRequest, RetryableError, TerminalError } from "../src/index.ts";
import { SERVICE, World } from "./support/world.ts";

const contract = defineService(SERVICE, {
  keys: z
    .string()
    .regex(/^[0-9]+$/)
    .transform(Number),
  handlers: {
    withdraw: {
      input: z.object({
        amount: z.number().positive(),
        at: z.iso.date().transform((text) => new Date(text)),
      }),
      output: z.object({ balance: z.number(), note: z.string().default("-") }),
      errors: {
        insufficient_funds: { status: 409, details: z.object({ balance: z.number() }) },
        closed: { status: 423 },
      },
    },
    greet: { input: v.optional(v.string()), output: v.nullish(v.string()) },
    touch: {},
  },
});
type C = typeof contract;

const FITS = { amount: 5, at: "2026-01-01" };

function implementation(parts: Partial<Implementation<C>> = {}): Implementation<C> {
  return {
    withdraw: () => ({ balance: 1 }),
    greet: ({ input }) => `hello ${input ?? "you"}`,
    touch: () => {},
    ...parts,
  };
}

/** A worker of the contract, and what a caller without any types gets of it. */
async function serve(parts: Partial<Implementation<C>> = {}, maxAttempts = 2) {
  const world = await World.open();
  await world.start({ handlers: implement(contract, implementation(parts)), maxAttempts });
  const client = await world.client();
  return {
    world,
    call: async (handler: string, body?: Buffer | string | object, key = "7") => {
      const { status, contentType, body: answer } = await client.request(SERVICE, key, body, { handler });
      return { status, contentType, text: answer.toString() };
    },
  };
}

/** What a call is refused with. */
async function refused(call: Promise<unknown>) {
  const error: unknown = await call.then(
    () => undefined,
    (thrown) => thrown,
  );
  if (!isShardcastError(error)) throw new Error("not refused");
  const { requestId: _, ...extensions } = error.extensions;
  return { code: error.code, status: error.status, message: error.message, extensions };
}

describe("the implementation of a contract", () => {
  test("gets key and input as the schemas read them, with the request and its context", async () => {
    const seen: unknown[] = [];
    const { call } = await serve({
      withdraw({ input, key, request, context }) {
        expectTypeOf(input).toEqualTypeOf<{ amount: number; at: Date }>();
        expectTypeOf(key).toEqualTypeOf<number>();
        expectTypeOf(request).toEqualTypeOf<HandlerRequest>();
        expectTypeOf(context).toEqualTypeOf<HandlerContext>();
        seen.push(key, input, request.key, context.lane);
        return { balance: 1 };
      },
    });
    await call("withdraw", FITS);
    expect(seen).toEqual([7, { amount: 5, at: new Date("2026-01-01") }, "7", 0]);
  });

  test("answers in JSON what its schema takes in, so that the caller's reads it once", async () => {
    const { call } = await serve();
    const type = "application/json";
    expect(await call("withdraw", FITS)).toEqual({ status: 200, contentType: type, text: '{"balance":1}' });
    expect(await call("greet", '"bob"')).toEqual({ status: 200, contentType: type, text: '"hello bob"' });
  });

  test("may take and answer nothing where the contract says so", async () => {
    const { call } = await serve({ greet: ({ input }) => (input === undefined ? undefined : null) });
    expect(await call("touch")).toMatchObject({ status: 204, text: "" });
    expect(await call("greet")).toMatchObject({ status: 204, text: "" });
    expect(await call("greet", '"x"')).toMatchObject({ status: 200, text: "null" });
  });

  test.each([
    ["a key that does not fit", "withdraw", FITS, "x7", 400, "", /^key: /],
    [
      "an input that does not fit",
      "withdraw",
      { ...FITS, amount: -1 },
      "7",
      422,
      "/amount",
      /^body: \/amount: /,
    ],
    ["an input that is missing", "withdraw", undefined, "7", 422, "", /^body: /],
    ["an input that valibot refuses", "greet", "1", "7", 422, "", /^body: /],
    ["an input where there is none", "touch", "{}", "7", 422, "", /^body: must be empty/],
  ])("is not called with %s: the caller learns where the fault is", async (...given) => {
    const [, handler, body, key, status, pointer, message] = given;
    const called = vi.fn<() => never>();
    const { call, world } = await serve({ withdraw: called, greet: called, touch: called });
    expect(await refused(call(handler, body, key))).toEqual({
      code: "SHARDCAST_HANDLER_REFUSED",
      status,
      message: expect.stringMatching(message),
      extensions: { issues: [{ pointer, message: expect.any(String) }] },
    });
    expect(called).not.toHaveBeenCalled();
    expect(world.logged("handler failed")).toEqual([]); // once is enough: it is not tried again
  });

  test.each([["{"], [Buffer.from([0x22, 0xff, 0x22])]])(
    "is not called with %j, which is no JSON",
    async (body) => {
      const called = vi.fn<() => never>();
      const { call } = await serve({ greet: called });
      const error = await refused(call("greet", body));
      expect(error).toMatchObject({ status: 400, message: "body: not valid JSON" });
      expect(called).not.toHaveBeenCalled();
    },
  );
});

describe("a declared error", () => {
  test("reaches the caller by its name, with its status and details", async () => {
    const { call, world } = await serve({
      withdraw({ input, fail }) {
        if (input.amount > 10) return fail("closed", undefined, "closed since May");
        return fail("insufficient_funds", { balance: 3 });
      },
    });
    expect(await refused(call("withdraw", FITS))).toEqual({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 409,
      message: "insufficient_funds",
      extensions: { error: "insufficient_funds", details: { balance: 3 } },
    });
    expect(await refused(call("withdraw", { ...FITS, amount: 11 }))).toEqual({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 423,
      message: "closed since May",
      extensions: { error: "closed" },
    });
    expect(world.logged("handler failed")).toEqual([]);
  });

  test("takes only names that are declared, and their details", () => {
    implement(contract, {
      ...implementation(),
      withdraw({ fail }) {
        // @ts-expect-error not declared
        if (Math.random() > 2) return fail("unknown");
        // @ts-expect-error its details are missing
        if (Math.random() > 2) return fail("insufficient_funds");
        // @ts-expect-error its details are others
        if (Math.random() > 2) return fail("insufficient_funds", { balance: "3" });
        // @ts-expect-error it has no details
        if (Math.random() > 2) return fail("closed", { balance: 3 });
        return fail("closed");
      },
    });
  });

  test("other errors of a handler are what they are without a contract", async () => {
    const { call } = await serve({
      withdraw() {
        throw new TerminalError("odd", { status: 418, details: { tea: true } });
      },
      greet({ context }) {
        if (context.attempt === 1) throw new RetryableError("not yet");
        return "now";
      },
    });
    expect(await refused(call("withdraw", FITS))).toMatchObject({ status: 418, extensions: { tea: true } });
    expect(await call("greet")).toMatchObject({ text: '"now"' });
  });
});

describe("an implementation against its contract", () => {
  const bad = { balance: "3" as unknown as number };

  test.each<[string, Partial<Implementation<C>>, RegExp]>([
    ["output that does not fit", { withdraw: () => bad }, /output of withdraw .*\/balance/],
    ["output that JSON can not carry", { withdraw: () => ({ balance: 1n as unknown as number }) }, /BigInt/],
    ["output that JSON changes", { withdraw: () => ({ balance: Number.NaN }) }, /output of withdraw/],
    [
      "details that do not fit",
      { withdraw: ({ fail }) => fail("insufficient_funds", bad) },
      /details of insufficient_funds of withdraw .*\/balance/,
    ],
    [
      "details where none are declared",
      { withdraw: ({ fail }) => fail("closed", bad as unknown as undefined) },
      /closed and details/,
    ],
    [
      "an error that is not declared",
      { withdraw: ({ fail }) => fail("toString" as "closed") },
      /toString, which it does not declare/,
    ],
  ])("%s: counts as failed, is tried again and kept in the dead letters (C3, C9)", async (_, parts, why) => {
    const { call, world } = await serve(parts);
    expect(await refused(call("withdraw", FITS))).toMatchObject({
      code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
      message: expect.stringMatching(why),
    });
    const [letter] = await world.dead(1);
    expect(letter?.value?.toString()).toBe(JSON.stringify(FITS));
    expect(letter?.text["sc-dead-attempts"]).toBe("2");
  });

  test("is refused when it lacks a handler, or has one too many, all at once", () => {
    const { touch: _, ...others } = implementation();
    const wrong = { ...others, greet: 1, tuoch: () => {} };
    // @ts-expect-error touch is not implemented
    expect(() => implement(contract, wrong)).toThrow(
      expect.objectContaining({
        code: "SHARDCAST_INVALID_CONFIG",
        extensions: {
          faults: ["greet: is not implemented", "touch: is not implemented", "tuoch: is not in the contract"],
        },
      }),
    );
  });

  test("is refused by its types when it answers something else", () => {
    implement(contract, {
      ...implementation(),
      // @ts-expect-error a balance is a number
      withdraw: () => ({ balance: "1" }),
    });
  });
});
