import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Account, isAccount, NEW_ACCOUNT } from "./account.ts";
import { accountFileName } from "./account-file.ts";
import { replaceFile } from "./replace-file.ts";

/**
 * Accounts in files, one each, in a folder that all replicas share. On purpose there are no locks, no transactions and
 * no compare-and-swap: two that load, change and save the same account at the same time lose one of the changes. That
 * nobody else handles the account meanwhile is what the lanes promise (C1, C2).
 */
export interface Ledger {
  /** The stored account; an empty one where there is none. Throws when the file is damaged. */
  load(account: Uint8Array): Promise<Account>;
  /** @throws {StaleOwnerError} when a later owner of the lane has announced itself: nothing is stored */
  save(account: Uint8Array, state: Account, owner: LaneOwner): Promise<void>;
  /** An owner of a lane announces itself: from now on what older owners save is refused (C2). */
  fence(owner: LaneOwner): Promise<void>;
  /** Where the account is stored. */
  fileOf(account: Uint8Array): string;
}

/** Who writes: an owner of a lane, told from those before and after it by its fencing token. */
export interface LaneOwner {
  readonly lane: number;
  readonly fencingToken: number;
}

/** A process that lost the lane and does not know it yet wanted to write. */
export class StaleOwnerError extends Error {
  override readonly name = "StaleOwnerError";
}

/** Opens the ledger in a folder, which is created where it is missing. */
export function createLedger(dir: string): Ledger {
  mkdirSync(dir, { recursive: true });
  const fileOf = (account: Uint8Array) => join(dir, accountFileName(account));
  const fenceOf = (lane: number) => join(dir, `lane-${lane}.fence`);

  /** The greatest token announced for the lane. */
  async function announced(lane: number): Promise<number> {
    return Number((await readIfThere(fenceOf(lane))) ?? "-1");
  }

  return {
    fileOf,

    async load(account) {
      const text = await readIfThere(fileOf(account));
      return text === undefined ? NEW_ACCOUNT : parse(text, accountFileName(account));
    },

    // Files have no compare-and-swap, so between the question and the write there is a gap. A store with conditional
    // writes closes it: UPDATE … WHERE fence <= :token.
    async save(account, state, { lane, fencingToken }) {
      const newest = await announced(lane);
      if (newest > fencingToken) {
        throw new StaleOwnerError(`lane ${lane} has a later owner: ${newest}, this one is ${fencingToken}`);
      }
      await replaceFile(fileOf(account), JSON.stringify(state));
    },

    async fence({ lane, fencingToken }) {
      if ((await announced(lane)) < fencingToken) await replaceFile(fenceOf(lane), String(fencingToken));
    },
  };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string, name: string): Account {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${name} is damaged: not JSON`, { cause });
  }
  if (!isAccount(value)) throw new Error(`${name} is damaged: not an account`);
  return value;
}
