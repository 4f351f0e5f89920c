import { readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accountFileName } from "../src/account-file.ts";
import { createLedger, StaleOwnerError } from "../src/index.ts";
import { temporaryDir } from "./support/accounts.ts";

const OWNER = { lane: 0, fencingToken: 0 };

const account = { balance: 5, entries: [] };

describe("the file of an account", () => {
  test.each([
    "../../etc/passwd",
    "..",
    ".",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:\\con",
    "nul\0byte",
    "~root",
    "%2e%2e%2f",
    " ",
    "x".repeat(4096),
    "../".repeat(1000),
  ])("of key %j lies in the folder", async (key) => {
    const dir = temporaryDir();
    const ledger = createLedger(dir);
    const id = Buffer.from(key);
    await ledger.save(id, account, OWNER);
    expect(dirname(ledger.fileOf(id))).toBe(dir);
    expect(readdirSync(dir)).toEqual([accountFileName(id)]);
    expect(await ledger.load(id)).toEqual(account);
  });

  test("is named by letters that every file system takes, and not too long", () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 400 });
    fc.assert(fc.property(bytes, (key) => /^account-[a-z0-9_-]{1,240}\.json$/.test(accountFileName(key))));
  });

  test("is another one for every other key, whatever its bytes", () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(
        bytes,
        bytes,
        (a, b) => (accountFileName(a) === accountFileName(b)) === (Buffer.compare(a, b) === 0),
      ),
    );
    const pairs = [
      ["A", "a"],
      ["_2e", "."],
      ["hash-_00", "hash-\0"],
      ["x".repeat(300), "x".repeat(301)],
    ] as const;
    for (const [a, b] of pairs)
      expect(accountFileName(Buffer.from(a))).not.toBe(accountFileName(Buffer.from(b)));
    // Not UTF-8: as text both would be the same replacement character.
    expect(accountFileName(Buffer.from([0xff]))).not.toBe(accountFileName(Buffer.from([0xfe])));
  });
});

describe("the ledger", () => {
  test("has an empty account where none is stored", async () => {
    expect(await createLedger(temporaryDir()).load(Buffer.from("new"))).toEqual({ balance: 0, entries: [] });
  });

  test.each(["", '{"balance": 5, "ent', "null", '{"balance": "5", "entries": []}', '{"balance": 5}'])(
    "refuses a damaged file: %j",
    async (text) => {
      const ledger = createLedger(temporaryDir());
      const id = Buffer.from("a");
      writeFileSync(ledger.fileOf(id), text);
      await expect(ledger.load(id)).rejects.toThrow("account-a.json is damaged");
    },
  );

  test("keeps nothing aside, also when two save at once", async () => {
    const dir = temporaryDir();
    const ledger = createLedger(dir);
    const id = Buffer.from("a");
    await Promise.all(
      Array.from({ length: 20 }, (_, balance) => ledger.save(id, { balance, entries: [] }, OWNER)),
    );
    expect(readdirSync(dir)).toEqual(["account-a.json"]);
  });
});

describe("the fence of a lane", () => {
  test("C2: what an owner saves after a later one has announced itself is refused, and nothing of it is stored", async () => {
    const ledger = createLedger(temporaryDir());
    const id = Buffer.from("alice");
    await ledger.fence({ lane: 3, fencingToken: 10 });
    await ledger.save(id, { balance: 1, entries: [] }, { lane: 3, fencingToken: 10 });
    await ledger.fence({ lane: 3, fencingToken: 20 });
    const stale = ledger.save(id, { balance: 2, entries: [] }, { lane: 3, fencingToken: 10 });
    await expect(stale).rejects.toThrow(StaleOwnerError);
    expect(await ledger.load(id)).toMatchObject({ balance: 1 });
    await ledger.save(id, { balance: 3, entries: [] }, { lane: 3, fencingToken: 20 });
    expect(await ledger.load(id)).toMatchObject({ balance: 3 });
  });

  test("goes only upwards, also when an old owner announces itself late; other lanes have their own", async () => {
    const ledger = createLedger(temporaryDir());
    const id = Buffer.from("alice");
    await ledger.fence({ lane: 3, fencingToken: 20 });
    await ledger.fence({ lane: 3, fencingToken: 10 });
    await expect(ledger.save(id, account, { lane: 3, fencingToken: 19 })).rejects.toThrow(StaleOwnerError);
    await ledger.save(id, account, { lane: 4, fencingToken: 1 });
  });
});
