import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import {
  type BroadcastName,
  type BroadcastRead,
  type BroadcastSent,
  type DetailsRead,
  defineService,
  type ErrorName,
  type HandlerName,
  type InputRead,
  type InputSent,
  type KeyRead,
  type KeySent,
  type OutputRead,
  type OutputSent,
  type ServiceDefinition,
} from "../src/index.ts";
import { accounts, handMade, type purses } from "./support/contracts.ts";

describe("a contract", () => {
  test("is its definition with the service's name, and can not be changed", () => {
    expect(accounts.service).toBe("accounts");
    expect(Object.keys(accounts.handlers)).toContain("deposit");
    expect(() => Object.assign(accounts, { service: "other" })).toThrow(TypeError);
  });

  test("takes schemas of any library, also when they are functions", () => {
    const callable = Object.assign(
      () => {},
      handMade<string>(() => []),
    );
    const { handlers } = defineService("x", { handlers: { a: { input: callable } } });
    expect(handlers.a.input).toBe(callable);
  });

  test("that is wrong is refused with every fault by its name", () => {
    const wrong = {
      keys: 1,
      handler: {},
      handlers: {
        "": {},
        "a//b": {},
        "../b": {},
        "line\n": {},
        // biome-ignore lint/suspicious/noThenProperty: what it warns of is why it is refused
        then: {},
        notAnObject: 7,
        deposit: {
          input: { type: "object" },
          output: { "~standard": { version: 2, validate() {} } },
          outputs: z.string(),
          description: 1,
          errors: {
            "1st": { status: 409 },
            low: { status: 399 },
            high: { status: 600 },
            odd: { status: 409.5, details: null },
          },
        },
      },
      broadcasts: { ".": { input: "text" } },
    };
    let thrown: unknown;
    try {
      defineService("No Label", wrong as unknown as ServiceDefinition);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "SHARDCAST_INVALID_CONFIG" });
    const { faults } = (thrown as { extensions: { faults: string[] } }).extensions;
    expect(faults.map((fault) => fault.slice(0, fault.indexOf(": ")))).toEqual([
      "service",
      "definition.handler",
      "keys",
      "handlers.",
      "handlers.a//b",
      "handlers.../b",
      "handlers.line\n",
      "handlers.then",
      "handlers.notAnObject",
      "handlers.deposit.outputs",
      "handlers.deposit.description",
      "handlers.deposit.input",
      "handlers.deposit.output",
      "handlers.deposit.errors.1st",
      "handlers.deposit.errors.low.status",
      "handlers.deposit.errors.high.status",
      "handlers.deposit.errors.odd.status",
      "handlers.deposit.errors.odd.details",
      "broadcasts..",
      "broadcasts...input",
    ]);
    for (const fault of faults) expect((thrown as Error).message).toContain(fault);
  });

  test("has a handler of the name broadcast only where it declares none: a typed client has a function of it", () => {
    const handlers = { broadcast: {} };
    expect(defineService("x", { handlers, broadcasts: {} }).handlers).toBe(handlers);
    expect(() => defineService("x", { handlers, broadcasts: { reload: {} } })).toThrow(
      "handlers.broadcast: ",
    );
  });

  test.each([undefined, null, [], "text", { handlers: undefined }, { handlers: [] }])(
    "that is %j is refused",
    (definition) => {
      const make = () => defineService("x", definition as unknown as ServiceDefinition);
      expect(make).toThrow(expect.objectContaining({ code: "SHARDCAST_INVALID_CONFIG" }));
    },
  );
});

describe("the types of a contract", () => {
  type A = typeof accounts;

  test("name its handlers and their errors", () => {
    expectTypeOf<HandlerName<A>>().toEqualTypeOf<
      "deposit" | "balance" | "touch" | "tree/plant" | "tree plant"
    >();
    expectTypeOf<ErrorName<A, "deposit">>().toEqualTypeOf<"insufficient_funds" | "closed">();
    expectTypeOf<ErrorName<A, "balance">>().toEqualTypeOf<never>();
    expectTypeOf<DetailsRead<A, "deposit", "insufficient_funds">>().toEqualTypeOf<{ balance: number }>();
    expectTypeOf<DetailsRead<A, "deposit", "closed">>().toEqualTypeOf<undefined>();
  });

  test("tell what is sent from what is read", () => {
    const contract = defineService("x", {
      keys: z.templateLiteral(["k", z.number()]).transform((key) => Number(key.slice(1))),
      handlers: {
        at: {
          input: z.object({ from: z.iso.datetime().transform((text) => new Date(text)) }),
          output: z.object({ n: z.number().default(0) }),
        },
      },
    });
    type C = typeof contract;
    expectTypeOf<KeySent<C>>().toEqualTypeOf<`k${number}`>();
    expectTypeOf<KeyRead<C>>().toEqualTypeOf<number>();
    expectTypeOf<InputSent<C, "at">>().toEqualTypeOf<{ from: string }>();
    expectTypeOf<InputRead<C, "at">>().toEqualTypeOf<{ from: Date }>();
    expectTypeOf<OutputSent<C, "at">>().toEqualTypeOf<{ n?: number | undefined }>();
    expectTypeOf<OutputRead<C, "at">>().toEqualTypeOf<{ n: number }>();
  });

  test("name its broadcasts, and tell what is sent from what is read (C6)", () => {
    const At = z.object({ from: z.iso.datetime().transform((text) => new Date(text)) });
    const contract = defineService("x", { handlers: {}, broadcasts: { reload: { input: At }, flush: {} } });
    type C = typeof contract;
    expectTypeOf<BroadcastName<C>>().toEqualTypeOf<"reload" | "flush">();
    expectTypeOf<BroadcastSent<C, "reload">>().toEqualTypeOf<{ from: string }>();
    expectTypeOf<BroadcastRead<C, "reload">>().toEqualTypeOf<{ from: Date }>();
    expectTypeOf<BroadcastSent<C, "flush">>().toEqualTypeOf<undefined>();
    expectTypeOf<BroadcastName<typeof purses>>().toEqualTypeOf<never>();
  });

  test("have nothing where nothing is declared", () => {
    const bare = defineService("x", { handlers: { touch: {} } });
    expectTypeOf<KeySent<typeof bare>>().toEqualTypeOf<string | Uint8Array>();
    expectTypeOf<KeyRead<typeof bare>>().toEqualTypeOf<string>();
    expectTypeOf<InputSent<typeof bare, "touch">>().toEqualTypeOf<undefined>();
    expectTypeOf<OutputSent<typeof bare, "touch">>().toEqualTypeOf<void>();
    expectTypeOf<OutputRead<typeof bare, "touch">>().toEqualTypeOf<undefined>();
  });

  test("are the same for valibot", () => {
    expectTypeOf<InputRead<typeof purses, "deposit">>().toEqualTypeOf<{ amount: number }>();
    expectTypeOf<OutputRead<typeof purses, "deposit">>().toEqualTypeOf<{ balance: number }>();
  });

  test("refuse keys that are not text, statuses that are not numbers and schemas that are none", () => {
    // @ts-expect-error a key is text
    expect(() => defineService("x", { keys: z.number(), handlers: {} })).not.toThrow();
    // @ts-expect-error a status is a number
    expect(() => defineService("x", { handlers: { a: { errors: { e: { status: "409" } } } } })).toThrow();
    // @ts-expect-error an input is a schema
    expect(() => defineService("x", { handlers: { a: { input: {} } } })).toThrow();
  });
});
