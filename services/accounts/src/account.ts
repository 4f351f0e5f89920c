/** An account as it is stored. Money is whole cents. */
export interface Account {
  readonly balance: number;
  /** The latest ones, oldest first; at most {@link MAX_ENTRIES}. */
  readonly entries: readonly Entry[];
}

/** What came of one deposit or withdrawal. */
export interface Entry {
  /** The request that asked for it: by this a second delivery of the same request is recognised. */
  readonly requestId: string;
  readonly kind: EntryKind;
  readonly cents: number;
  /** Balance after it. */
  readonly balance: number;
  /** Why nothing was booked; null when it was. */
  readonly refused: Refusal | null;
}

export type EntryKind = "deposit" | "withdraw";
export type Refusal = "insufficient funds" | "balance limit";

/** A deposit or withdrawal that is asked for. */
export interface Posting {
  readonly requestId: string;
  readonly kind: EntryKind;
  readonly cents: number;
}

/**
 * Entries that an account keeps. Delivered again is what was handled since the last commit (250 ms by default), so a
 * thousand of one account reach far enough.
 */
export const MAX_ENTRIES = 1_000;

export const NEW_ACCOUNT: Account = Object.freeze({ balance: 0, entries: [] });

/** What will have come of a posting. */
export function decide(account: Account, { requestId, kind, cents }: Posting): Entry {
  const balance = kind === "deposit" ? account.balance + cents : account.balance - cents;
  const refused = balance < 0 ? "insufficient funds" : Number.isSafeInteger(balance) ? null : "balance limit";
  return { requestId, kind, cents, refused, balance: refused === null ? balance : account.balance };
}

/** The account with one more entry. */
export function withEntry(account: Account, entry: Entry): Account {
  return { balance: entry.balance, entries: [...account.entries, entry].slice(-MAX_ENTRIES) };
}

/** Is this what {@link withEntry} could have made? Storage may hold anything. */
export function isAccount(value: unknown): value is Account {
  if (typeof value !== "object" || value === null) return false;
  const { balance, entries } = value as Partial<Record<keyof Account, unknown>>;
  return Number.isSafeInteger(balance) && Array.isArray(entries);
}
