import { defineService } from "@shardcast/contract";
import { z } from "zod";

/** The gateway tests' service, as a contract. */
export const accounts = defineService("accounts", {
  description: "Money <b>& more</b>",
  keys: z.string().regex(/^[0-9]{1,12}$/, "digits only"),
  handlers: {
    deposit: {
      description: "Puts money in.",
      input: z.object({ amount: z.number().positive() }),
      output: z.object({ balance: z.number() }),
    },
    "tree/plant": { input: z.object({ name: z.string() }).optional() },
    touch: {},
  },
  broadcasts: { reload: { input: z.object({ table: z.string() }) }, flush: {} },
});

export const orders = defineService("orders", { handlers: { place: {} } });
