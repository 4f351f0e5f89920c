import { connect } from "@shardcast/client";
import { defineService, isTypedError, typed } from "@shardcast/contract";
import { createMemoryLog } from "@shardcast/log/memory";
import { createWorker, implement } from "@shardcast/worker";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

test("a first typed service: the README's example", async () => {
  const log = createMemoryLog();
  onTestFinished(() => log.close());
  const Balance = z.object({ balance: z.int() });
  const Withdrawal = z.object({ cents: z.int().positive() });
  const accounts = defineService("accounts", {
    handlers: {
      withdraw: {
        input: Withdrawal,
        output: Balance,
        errors: { too_much: { status: 409, details: Balance } },
      },
    },
  });

  const balances = new Map([["carol", 100]]);
  const handlers = implement(accounts, {
    withdraw({ key, input, fail }) {
      const before = balances.get(key) ?? 0;
      if (input.cents > before) return fail("too_much", { balance: before });
      balances.set(key, before - input.cents);
      return { balance: before - input.cents };
    },
  });
  await createWorker({ log, service: "accounts", replicas: 1, member: 0, handlers }).start();

  const client = typed(await connect({ log }), accounts);
  const { balance } = await client.withdraw("carol", { cents: 30 });
  expect(balance).toBe(70);

  const error: unknown = await client.withdraw("carol", { cents: 71 }).catch((thrown: unknown) => thrown);
  if (!isTypedError(error, accounts, "withdraw")) throw error;
  expect(error).toMatchObject({ name: "too_much", details: { balance: 70 }, status: 409 });
});
