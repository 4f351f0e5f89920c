import { type EnvNames, resolveConfig, wholeNumber } from "@shardcast/protocol";
import { z } from "zod";

const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

const schema = z.object({
  dir: z.string({ error: "required: the folder that all replicas share" }),
  host: z.string().min(1).optional(),
  healthPort: wholeNumber(0, 65_535).optional(),
  effectsFile: z.string().optional(),
  interestFile: z.string().optional(),
  logLevel: z.enum(LEVELS).default("info"),
});

export type AccountsOptions = z.infer<typeof schema>;

export const ACCOUNTS_ENV = {
  dir: "ACCOUNTS_DIR",
  host: "ACCOUNTS_HOST",
  healthPort: "ACCOUNTS_HEALTH_PORT",
  effectsFile: "ACCOUNTS_EFFECTS_FILE",
  interestFile: "ACCOUNTS_INTEREST_FILE",
  logLevel: "ACCOUNTS_LOG_LEVEL",
} as const satisfies EnvNames<AccountsOptions>;

/** Throws SHARDCAST_INVALID_CONFIG with all faults. */
export function resolveAccountsOptions(env: Readonly<Record<string, string | undefined>>): AccountsOptions {
  return resolveConfig("accounts", schema, ACCOUNTS_ENV, {}, env);
}
