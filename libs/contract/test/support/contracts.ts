import { toStandardJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { z } from "zod";
import { defineService, type Schema } from "../../src/index.ts";

/** A tree of itself: its JSON Schema points into itself. */
const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});

/** Everything a contract can say, in zod. */
export const accounts = defineService("accounts", {
  description: "Money",
  keys: z.string().regex(/^[0-9]{1,12}$/),
  handlers: {
    deposit: {
      description: "Puts money in.",
      input: z.object({ amount: z.number().positive(), at: z.iso.datetime().optional() }),
      output: z.object({ balance: z.number() }),
      errors: {
        insufficient_funds: { status: 409, details: z.object({ balance: z.number() }) },
        closed: { status: 422, description: "The account is closed." },
      },
    },
    balance: { output: z.object({ balance: z.number() }) },
    touch: {},
    "tree/plant": { input: Tree, output: z.object({ tree: Tree, twin: Tree }) },
    "tree plant": { input: z.date() },
  },
  broadcasts: { "rates-changed": { input: z.object({ rate: z.number() }) } },
});

const Amount = toStandardJsonSchema(v.object({ amount: v.pipe(v.number(), v.gtValue(0)) }));

/** The same in valibot, with JSON Schema and without. */
export const purses = defineService("purses", {
  keys: v.pipe(v.string(), v.regex(/^[0-9]+$/)),
  handlers: {
    deposit: { input: Amount, output: v.object({ balance: v.number() }) },
  },
});

/** A schema of no library: only the interface, and asynchronous. */
export function handMade<T>(
  check: (value: unknown) => readonly { message: string; path?: readonly PropertyKey[] }[],
): Schema<T, T> {
  return {
    "~standard": {
      version: 1,
      vendor: "hand",
      async validate(value) {
        const issues = check(value);
        return issues.length === 0 ? { value: value as T } : { issues };
      },
    },
  };
}
