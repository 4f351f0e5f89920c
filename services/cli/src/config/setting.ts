import type { z } from "zod";

/** One thing that can be said of a call. */
export interface Setting<S extends z.ZodType = z.ZodType> {
  /** Reads text, of flags and variables, and what a JSON file says. */
  readonly schema: S;
  /** One line of `--help`, with the default. */
  readonly describe: string;
  /** `text` (default) takes a value, `switch` none, `list` one each time it is given. */
  readonly kind?: "text" | "switch" | "list";
  /** Environment variables; the first that is set counts. */
  readonly env?: readonly string[];
  /** Whether the configuration file may say it. */
  readonly inFile?: boolean;
}

export type Settings = Readonly<Record<string, Setting>>;

/** What the settings of a call come to; absent where nobody said anything and there is no default. */
export type Values<S extends Settings> = { readonly [K in keyof S]: z.output<S[K]["schema"]> };

/** The flag of a setting: `idempotencyKey` is `--idempotency-key`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
