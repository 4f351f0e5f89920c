import type * as sdk from "@shardcast/client";
import type * as http from "@shardcast/http-client";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type Broadcaster, defineService, type Requester, typed } from "../src/index.ts";

const contract = defineService("accounts", {
  handlers: { touch: {} },
  broadcasts: {
    "rates-changed": { input: z.object({ rate: z.number().min(0), from: z.iso.date().optional() }) },
    flush: {},
  },
});

interface Options {
  readonly ack?: "all" | number;
}
interface Sent {
  readonly id: string;
}

/** A client that notes what it is asked: any that has `request` and `broadcast` will do. */
function client() {
  const asked: unknown[][] = [];
  const made: Requester & Broadcaster<Options, Sent> = {
    request: async () => ({ id: "r", status: 204, body: new Uint8Array() }),
    async broadcast(...all) {
      asked.push(all);
      return { id: "b" };
    },
  };
  return { asked, made, accounts: typed(made, contract) };
}

async function failed(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
}

describe("a typed client of a contract with broadcasts", () => {
  test("sends one to the handler of its name, in JSON, and gives what the client gives (C6)", async () => {
    const { asked, accounts } = client();
    const sent = await accounts.broadcast("rates-changed", { rate: 2.5 }, { ack: 2 });
    expectTypeOf(sent).toEqualTypeOf<Sent>();
    expect(sent).toEqual({ id: "b" });
    expect(asked).toEqual([
      ["accounts", '{"rate":2.5}', { handler: "rates-changed", contentType: "application/json", ack: 2 }],
    ]);
  });

  test("sends an empty body where the contract has no input", async () => {
    const { asked, accounts } = client();
    await accounts.broadcast("flush");
    expect(asked).toEqual([["accounts", undefined, { handler: "flush" }]]);
  });

  test("keeps its other functions, and can not be changed", async () => {
    const { accounts } = client();
    expect(await accounts.touch("7")).toBeUndefined();
    expect(Object.isFrozen(accounts)).toBe(true);
  });

  test.each([
    ["does not fit", { rate: -1 }, "/rate"],
    ["JSON would change", { rate: Number.NaN }, "/rate"],
  ])("sends nothing when the input %s", async (_, input, pointer) => {
    const { asked, accounts } = client();
    expect(await failed(accounts.broadcast("rates-changed", input))).toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      status: 422,
      message: expect.stringMatching(/^rates-changed: /),
      extensions: { issues: [{ pointer, message: expect.any(String) }] },
    });
    expect(asked).toEqual([]);
  });

  test("sends nothing of a name that is not declared, nor an input where there is none", async () => {
    const { asked, accounts } = client();
    for (const name of ["other", "toString"]) {
      expect(await failed(accounts.broadcast(name as "flush"))).toMatchObject({
        code: "SHARDCAST_INVALID_REQUEST",
        message: expect.stringContaining(name),
      });
    }
    expect(await failed(accounts.broadcast("flush", {} as unknown as undefined))).toMatchObject({
      status: 422,
    });
    expect(asked).toEqual([]);
  });

  test("takes only what the contract has", () => {
    const { accounts } = client();
    const never = () => [
      // @ts-expect-error no such broadcast
      accounts.broadcast("other"),
      // @ts-expect-error an input is needed
      accounts.broadcast("rates-changed"),
      // @ts-expect-error its rate is a number
      accounts.broadcast("rates-changed", { rate: "1" }),
      // @ts-expect-error the contract says which handler
      accounts.broadcast("flush", undefined, { handler: "touch" }),
    ];
    expect(never).toBeTypeOf("function");
  });
});

test("over the log and over HTTP, what comes back is the client's own", () => {
  const overKafka = (made: sdk.Client) =>
    typed(made, contract).broadcast("rates-changed", { rate: 1 }, { ack: "quorum", timeoutMs: 5 });
  const overHttp = (made: http.HttpClient) => typed(made, contract).broadcast("flush", undefined, { ack: 2 });
  expectTypeOf(overKafka).returns.toEqualTypeOf<ReturnType<sdk.Client["broadcast"]>>();
  expectTypeOf(overHttp).returns.toEqualTypeOf<ReturnType<http.HttpClient["broadcast"]>>();
});

test("there is no such function where the client, or the contract, has none", () => {
  const { made } = client();
  const bare = defineService("bare", { handlers: { broadcast: {} } });
  expect(Object.keys(typed({ request: made.request }, contract))).toEqual(["touch"]);
  const { broadcast } = typed(made, bare);
  expectTypeOf(broadcast).parameters.toExtend<[string | Uint8Array, ...unknown[]]>();
});
