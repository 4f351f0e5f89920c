import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { replaceFile } from "./replace-file.ts";

const tier = z.strictObject({ fromCents: z.int().min(0), percent: z.number().min(0).max(100) });
const table = z.strictObject({ tiers: z.array(tier).min(1).max(100) });

/** What accounts earn: the tier that begins last, of those that the balance reaches. */
export type InterestTable = Readonly<z.infer<typeof table>>;

/** A table that can not be taken; the message names the field. */
export class BadInterestTable extends Error {
  override readonly name = "BadInterestTable";
}

/** @throws {BadInterestTable} */
export function parseInterestTable(text: string): InterestTable {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BadInterestTable("the interest table is not JSON", { cause });
  }
  const { data, error } = table.safeParse(value);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new BadInterestTable(`${issue?.path.join(".") || "the interest table"}: ${issue?.message}`);
}

/** Percent a year for this balance; 0 below the lowest tier. */
export function percentFor({ tiers }: InterestTable, balance: number): number {
  const reached = tiers.filter(({ fromCents }) => fromCents <= balance);
  return reached.toSorted((a, b) => a.fromCents - b.fromCents).at(-1)?.percent ?? 0;
}

/** The table of each replica: kept in its memory, and in a file of its own in the ledger's folder, so that a restart keeps it. */
export interface Interest {
  /** What the replica goes by: what it was last told, else the configured file. @throws {BadInterestTable} for a damaged file */
  of(member: string): Promise<InterestTable>;
  /** Stored when this resolves. */
  replace(member: string, told: InterestTable): Promise<void>;
  /** The configured file as it is now; without one, a table without interest. @throws {BadInterestTable} */
  configured(): Promise<InterestTable>;
}

const NONE: InterestTable = { tiers: [{ fromCents: 0, percent: 0 }] };

/** @param file where replicas begin that have not been told anything */
export function createInterest(dir: string, file?: string): Interest {
  const known = new Map<string, InterestTable>();
  const fileOf = (member: string) => join(dir, `interest-${member}.json`);

  async function configured(): Promise<InterestTable> {
    return file === undefined ? NONE : parseInterestTable(await readFile(file, "utf8"));
  }

  async function stored(member: string): Promise<InterestTable | undefined> {
    try {
      return parseInterestTable(await readFile(fileOf(member), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  return {
    configured,

    async of(member) {
      const here = known.get(member);
      if (here !== undefined) return here;
      const loaded = (await stored(member)) ?? (await configured());
      // What it was told while the file was read is newer.
      const newest = known.get(member) ?? loaded;
      known.set(member, newest);
      return newest;
    },

    async replace(member, told) {
      await replaceFile(fileOf(member), JSON.stringify(told));
      known.set(member, told);
    },
  };
}
