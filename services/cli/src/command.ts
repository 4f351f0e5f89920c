import type { Call } from "./call.ts";
import type { GLOBAL } from "./config/common.ts";
import type { Settings, Values } from "./config/setting.ts";
import type { ExitName } from "./exit-codes.ts";

/** Words that follow the command's name: `required` or not. */
export type Words = Readonly<Record<string, { readonly describe: string; readonly optional?: true }>>;

export type WordValues<W extends Words> = {
  readonly [K in keyof W]: W[K] extends { readonly optional: true } ? string | undefined : string;
};

export interface CommandSpec<W extends Words, S extends Settings> {
  /** Without the words: `notify`, or `dead-letters list`. */
  readonly name: string;
  readonly describe: string;
  readonly words: W;
  readonly settings: S;
  /** What one would type, behind `shardcast`, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  run(call: Call, words: WordValues<W>, options: Values<S> & Values<typeof GLOBAL>): Promise<ExitName>;
}

/** A command whose types nobody needs any more. */
export interface Command extends Omit<CommandSpec<Words, Settings>, "run"> {
  run(call: Call, words: Readonly<Record<string, string | undefined>>, options: never): Promise<ExitName>;
}

/** Lets a command's words and settings type what it gets. */
export function command<const W extends Words, const S extends Settings>(spec: CommandSpec<W, S>): Command {
  return spec as Command;
}

export const SERVICE = { describe: "the service" } as const;
