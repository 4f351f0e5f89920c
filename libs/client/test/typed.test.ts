import {
  defineService,
  isTypedError,
  type Requester,
  type TypedError,
  type TypedErrorOf,
  typed,
} from "@shardcast/contract";
import { ShardcastError, toProblem } from "@shardcast/protocol";
import * as v from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { Reply, RequestOptions } from "../src/index.ts";
import { connectTo, SERVICE, startService } from "./support/service.ts";

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
      output: z.object({ balance: z.number(), since: z.iso.date().transform((text) => new Date(text)) }),
      errors: {
        insufficient_funds: { status: 409, details: z.object({ balance: z.number().default(0) }) },
        closed: { status: 423 },
      },
    },
    greet: { input: v.optional(v.string()), output: v.optional(v.string()) },
    touch: {},
  },
});
type C = typeof contract;

const FITS = { amount: 5, at: "2026-01-01" };
const ANSWER = { balance: 1, since: "2026-01-02" };

/** A client that notes what it is asked and answers, or fails, as told: any that has `request` will do. */
function requester(answer: Partial<Omit<Reply, "body">> & { body?: unknown } = {}, error?: unknown) {
  const asked: { service: string; key: unknown; body: unknown; options: RequestOptions | undefined }[] = [];
  const client: Requester<RequestOptions> = {
    async request(service, key, body, options) {
      asked.push({ service, key, body, options });
      if (error !== undefined) throw error;
      const { body: value, ...fields } = answer;
      const bytes = Buffer.from(value === undefined ? "" : JSON.stringify(value));
      return { id: "the-id", status: 200, headers: {}, body: bytes, ...fields };
    },
  };
  return { asked, accounts: typed(client, contract) };
}

function refusal(extensions: Readonly<Record<string, unknown>>, status = 409): ShardcastError {
  return new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no money", { status, extensions });
}

async function failed(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
}

describe("a typed client", () => {
  test("sends what the schemas take in to the handler of the name, and gives what they make of the answer", async () => {
    const { asked, accounts } = requester({ body: ANSWER });
    const output = await accounts.withdraw("7", FITS, { timeoutMs: 5, headers: { a: "b" } });
    expectTypeOf(output).toEqualTypeOf<{ balance: number; since: Date }>();
    expect(output).toEqual({ balance: 1, since: new Date(ANSWER.since) });
    expect(asked).toEqual([
      {
        service: SERVICE,
        key: "7",
        body: JSON.stringify(FITS),
        options: {
          handler: "withdraw",
          contentType: "application/json",
          timeoutMs: 5,
          headers: { a: "b" },
        },
      },
    ]);
  });

  test("sends and reads nothing where the contract has nothing", async () => {
    const { asked, accounts } = requester({ status: 204 });
    expect(await accounts.touch("7")).toBeUndefined();
    expect(await accounts.greet("7")).toBeUndefined();
    expect(asked).toMatchObject([
      { body: undefined, options: { handler: "touch" } },
      { body: undefined, options: { handler: "greet" } },
    ]);
    for (const { options } of asked) expect(options).not.toHaveProperty("contentType");
  });

  test("a text is sent and read as JSON", async () => {
    const { asked, accounts } = requester({ body: "hello" });
    expect(await accounts.greet("7", "bob")).toBe("hello");
    expect(asked[0]?.body).toBe('"bob"');
  });

  test("can be awaited like any object, and not be changed", async () => {
    const { accounts } = requester();
    expect(await accounts).toBe(accounts);
    expect(Object.isFrozen(accounts)).toBe(true);
  });

  test("sends nothing when the key does not fit", async () => {
    const { asked, accounts } = requester();
    expect(await failed(accounts.withdraw("x", FITS))).toMatchObject({
      code: "SHARDCAST_INVALID_KEY",
      status: 400,
      message: expect.stringMatching(/^key: /),
      extensions: { issues: [{ pointer: "", message: expect.any(String) }] },
    });
    expect(asked).toEqual([]);
  });

  test.each([
    ["does not fit", (a: Accounts) => a.withdraw("7", { ...FITS, amount: -1 }), "/amount"],
    [
      "JSON would change",
      (a: Accounts) => a.withdraw("7", { ...FITS, amount: Number.POSITIVE_INFINITY }),
      "/amount",
    ],
    ["valibot refuses", (a: Accounts) => a.greet("7", 1 as unknown as string), ""],
  ])("sends nothing when the input %s", async (_, call, pointer) => {
    const { asked, accounts } = requester();
    expect(await failed(call(accounts))).toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      status: 422,
      extensions: { issues: [{ pointer, message: expect.any(String) }] },
    });
    expect(asked).toEqual([]);
  });

  test("sends nothing when there is an input and none is declared", async () => {
    const { asked, accounts } = requester();
    expect(await failed(accounts.touch("7", {} as unknown as undefined))).toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      status: 422,
    });
    expect(asked).toEqual([]);
  });

  test.each([
    ["another output", { body: { balance: "1" } }],
    ["nothing", {}],
    ["a status that is no success", { status: 302, body: ANSWER }],
  ])("tells that the worker has another contract when it answers %s", async (_, answer) => {
    const { accounts } = requester(answer);
    expect(await failed(accounts.withdraw("7", FITS))).toMatchObject({
      code: "SHARDCAST_UNSUPPORTED_VERSION",
      message: expect.stringContaining("withdraw"),
      extensions: { requestId: "the-id" },
    });
  });

  test("tells the same of an answer that is no JSON", async () => {
    const text: Requester = {
      request: async () => ({ id: "i", status: 200, headers: {}, body: Buffer.from("<html>") }),
    };
    expect(await failed(typed(text, contract).withdraw("7", FITS))).toMatchObject({
      code: "SHARDCAST_UNSUPPORTED_VERSION",
      message: expect.stringContaining("JSON"),
    });
  });

  test("takes only what the contract has", () => {
    const { accounts } = requester();
    const never = () => [
      // @ts-expect-error no such handler
      accounts.steal("7"),
      // @ts-expect-error an input is needed
      accounts.withdraw("7"),
      // @ts-expect-error its amount is a number
      accounts.withdraw("7", { ...FITS, amount: "5" }),
      // @ts-expect-error it takes none
      accounts.touch("7", {}),
      // @ts-expect-error the contract says which handler
      accounts.touch("7", undefined, { handler: "greet" }),
      // @ts-expect-error a key is text
      accounts.touch(7),
    ];
    expect(never).toBeTypeOf("function");
  });
});

type Accounts = ReturnType<typeof requester>["accounts"];

describe("a typed error", () => {
  test("is a declared one, with its name and details as the schema reads them", async () => {
    const { accounts } = requester({}, refusal({ error: "insufficient_funds", details: {}, requestId: "r" }));
    const error = await failed(accounts.withdraw("7", FITS));
    if (!isTypedError(error, contract, "withdraw")) throw error;
    expectTypeOf(error).toEqualTypeOf<TypedErrorOf<C, "withdraw">>();
    if (error.name !== "insufficient_funds") throw error;
    expectTypeOf(error.details).toEqualTypeOf<{ balance: number }>();
    expect(error).toBeInstanceOf(ShardcastError);
    expect(error).toMatchObject({
      name: "insufficient_funds",
      details: { balance: 0 },
      service: SERVICE,
      handler: "withdraw",
      message: "no money",
      status: 409,
      code: "SHARDCAST_HANDLER_REFUSED",
      extensions: { requestId: "r" },
    });
  });

  test("has no details where none are declared", async () => {
    const { accounts } = requester({}, refusal({ error: "closed", details: 1 }, 423));
    const error = await failed(accounts.withdraw("7", FITS));
    expectTypeOf<Extract<TypedErrorOf<C, "withdraw">, { name: "closed" }>>().toEqualTypeOf<
      TypedError<"closed", undefined>
    >();
    expect(error).toMatchObject({ name: "closed", details: undefined, status: 423 });
    expect(isTypedError(error, contract, "withdraw")).toBe(true);
  });

  test("is of its handler and service only", async () => {
    const { accounts } = requester({}, refusal({ error: "closed" }));
    const error = await failed(accounts.withdraw("7", FITS));
    const others = defineService("others", { handlers: contract.handlers });
    expect(isTypedError(error, contract, "greet")).toBe(false);
    expect(isTypedError(error, others, "withdraw")).toBe(false);
    for (const other of [undefined, null, "text", {}, refusal({ error: "closed" })]) {
      expect(isTypedError(other, contract, "withdraw")).toBe(false);
    }
  });

  test.each([
    ["is not declared", refusal({ error: "toString" })],
    ["has no name", refusal({})],
    ["has other details than declared", refusal({ error: "insufficient_funds", details: { balance: "3" } })],
    [
      "is not the handler's",
      new ShardcastError("SHARDCAST_LANE_BUSY", "busy", { extensions: { error: "closed" } }),
    ],
    ["is none of ours", new TypeError("a bug")],
  ])("what %s is thrown as it is", async (_, error) => {
    const { accounts } = requester({}, error);
    expect(await failed(accounts.withdraw("7", FITS))).toBe(error);
  });
});

describe("a typed client on a log", () => {
  test("carries a request and its answer, or its declared error, over the wire", async () => {
    const refused = refusal({ error: "insufficient_funds", details: { balance: 3 } });
    const service = await startService(({ key }) =>
      key.toString() === "1"
        ? { body: Buffer.from(JSON.stringify(ANSWER)) }
        : {
            status: 409,
            error: "SHARDCAST_HANDLER_REFUSED",
            body: Buffer.from(JSON.stringify(toProblem(refused))),
          },
    );
    const accounts = typed(await connectTo(service), contract);
    expect(await accounts.withdraw("1", FITS)).toEqual({ balance: 1, since: new Date(ANSWER.since) });
    expect(service.requests[0]).toMatchObject({
      handler: "withdraw",
      contentType: "application/json",
      body: Buffer.from(JSON.stringify(FITS)),
    });
    const error = await failed(accounts.withdraw("2", FITS));
    expect(isTypedError(error, contract, "withdraw")).toBe(true);
    expect(error).toMatchObject({ name: "insufficient_funds", details: { balance: 3 } });
  });
});
