import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Account, isAccount, NEW_ACCOUNT } from "./account.ts";
import { accountFileName } from "./account-file.ts";

/**
 * Accounts in files, one each, in a folder that all replicas share. On purpose there are no locks, no transactions and
 * no compare-and-swap: two that load, change and save the same account at the same time lose one of the changes. That
 * nobody else handles the account meanwhile is what the lanes promise (C1, C2).
 */
export interface Ledger {
  /** The stored account; an empty one where there is none. Throws when the file is damaged. */
  load(account: Uint8Array): Promise<Account>;
  save(account: Uint8Array, state: Account): Promise<void>;
  /** Where the account is stored. */
  fileOf(account: Uint8Array): string;
}

/** Opens the ledger in a folder, which is created where it is missing. */
export function createLedger(dir: string): Ledger {
  mkdirSync(dir, { recursive: true });
  const fileOf = (account: Uint8Array) => join(dir, accountFileName(account));
  return {
    fileOf,

    async load(account) {
      let text: string;
      try {
        text = await readFile(fileOf(account), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return NEW_ACCOUNT;
        throw error;
      }
      return parse(text, accountFileName(account));
    },

    // Written aside and renamed, so a process that dies meanwhile leaves the old file or the new one, never half of one.
    async save(account, state) {
      const file = fileOf(account);
      const aside = `${file}.${randomUUID()}.tmp`;
      try {
        await writeFile(aside, JSON.stringify(state));
        await rename(aside, file);
      } catch (error) {
        await rm(aside, { force: true }).catch(() => {});
        throw error;
      }
    },
  };
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
