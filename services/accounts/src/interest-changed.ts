import { type BroadcastHandler, TerminalError } from "@shardcast/worker";
import { BadInterestTable, type Interest, type InterestTable, parseInterestTable } from "./interest.ts";

/** The broadcast by which every replica changes what accounts earn. */
export const INTEREST_CHANGED = "interest-changed";

/**
 * Replaces this replica's interest table by the one in the body, or by the configured file where the body is empty, and replies with
 * what it now has (C6). It may come twice: it says what is, not what to change, so that does no harm.
 */
export function interestChanged(interest: Interest): BroadcastHandler {
  return async (broadcast, { member }) => {
    let told: InterestTable;
    try {
      told =
        broadcast.body.byteLength > 0 ? parseInterestTable(broadcast.text()) : await interest.configured();
    } catch (cause) {
      if (!(cause instanceof BadInterestTable)) throw cause;
      throw new TerminalError(cause.message, { cause });
    }
    await interest.replace(member, told);
    return { member, interest: told };
  };
}
