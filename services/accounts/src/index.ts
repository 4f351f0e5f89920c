export type { Account, Entry, EntryKind, Refusal } from "./account.ts";
export type { Effect } from "./effects.ts";
export type { AccountHandlerName, AccountHandlersOptions } from "./handlers.ts";
export { accountHandlers } from "./handlers.ts";
export type { Interest, InterestTable } from "./interest.ts";
export { createInterest } from "./interest.ts";
export { INTEREST_CHANGED, interestChanged } from "./interest-changed.ts";
export type { LaneOwner, Ledger } from "./ledger.ts";
export { createLedger, StaleOwnerError } from "./ledger.ts";
