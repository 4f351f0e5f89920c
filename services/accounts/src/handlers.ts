import { type Handler, type HandlerContext, type HandlerRequest, TerminalError } from "@shardcast/worker";
import { decide, type Entry, type EntryKind, withEntry } from "./account.ts";
import { centsOf } from "./amount.ts";
import type { Effect } from "./effects.ts";
import { type Interest, percentFor } from "./interest.ts";
import type { Ledger } from "./ledger.ts";

export interface AccountHandlersOptions {
  readonly ledger: Ledger;
  /** Without it, who asks for an account is not told what it earns. */
  readonly interest?: Interest;
  /** Told of every deposit and withdrawal right after it is stored; for tests. */
  readonly onEffect?: (effect: Effect) => void;
}

export type AccountHandlerName = EntryKind | "balance" | "statement";

/** The service: what can be done to an account. The account is the shard key. */
export function accountHandlers(options: AccountHandlersOptions): Record<AccountHandlerName, Handler> {
  const { ledger, interest, onEffect } = options;

  /** What the account earns by the table of this replica. */
  async function earning(balance: number, { member }: HandlerContext): Promise<object> {
    return interest === undefined ? {} : { interestPercent: percentFor(await interest.of(member), balance) };
  }

  async function post(kind: EntryKind, request: HandlerRequest, context: HandlerContext): Promise<object> {
    const start = now();
    const cents = centsOf(request);
    const account = await ledger.load(request.keyBytes);
    // Delivery is at least once: a process may die when it has stored this and not yet recorded that it has. The next
    // owner then gets the request again, and all those of the account that were handled since the last commit, in the
    // same order. So the outcome is stored in the same write as the money, under the request's id, and what is stored
    // already is only answered again. A refusal is an outcome too: after a later deposit it would be decided otherwise,
    // and its caller has been told.
    const known = account.entries.find(({ requestId }) => requestId === request.id);
    const entry = known ?? decide(account, { requestId: request.id, kind, cents });
    if (known === undefined) await ledger.save(request.keyBytes, withEntry(account, entry), context);
    const repeated = known !== undefined;
    onEffect?.({
      ...whereOf(request, context),
      handler: kind,
      repeated,
      pid: process.pid,
      start,
      end: now(),
    });
    if (entry.refused !== null) throw refusal(entry);
    return {
      account: request.key,
      cents: entry.cents,
      balance: entry.balance,
      handledBy: handledBy(context),
    };
  }

  return {
    deposit: (request, context) => post("deposit", request, context),
    withdraw: (request, context) => post("withdraw", request, context),

    async balance(request, context) {
      const { balance } = await ledger.load(request.keyBytes);
      const earns = await earning(balance, context);
      return { account: request.key, balance, ...earns, handledBy: handledBy(context) };
    },

    async statement(request, context) {
      const { balance, entries } = await ledger.load(request.keyBytes);
      const earns = await earning(balance, context);
      return { account: request.key, balance, ...earns, entries, handledBy: handledBy(context) };
    },
  };
}

function refusal({ refused, balance, cents }: Entry): TerminalError {
  const why =
    refused === "insufficient funds"
      ? `insufficient funds: the balance is ${balance} cents, ${cents} were asked for`
      : `balance limit: ${cents} cents more than the account can hold`;
  return new TerminalError(why, { status: 409, details: { balance, cents } });
}

/** In every answer, so that one can see which replica gave it. */
function handledBy({ member, lane, offset }: HandlerContext): object {
  return { member, lane, offset };
}

function whereOf({ key, id }: HandlerRequest, { lane, offset, member }: HandlerContext) {
  return { key, id, lane, offset, member };
}

/** Epoch milliseconds with a fraction, never going back within a process. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
