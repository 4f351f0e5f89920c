import { z } from "zod";
import { ShardcastError } from "./error.ts";

/** Which environment variable fills which option. */
export type EnvNames<T> = { readonly [K in keyof T]?: string };

/**
 * Resolves configuration once: option > environment > the schema's default. An empty variable counts as unset.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG listing every fault, each with the option and its variable
 */
export function resolveConfig<S extends z.ZodObject>(
  what: string,
  schema: S,
  envNames: EnvNames<z.infer<S>>,
  options: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): z.infer<S> {
  const merged: Record<string, unknown> = {};
  for (const name of Object.keys(schema.shape)) {
    const variable = (envNames as Record<string, string | undefined>)[name];
    const fromEnv = variable === undefined || env[variable] === "" ? undefined : env[variable];
    const value = options[name] ?? fromEnv;
    if (value !== undefined) merged[name] = value;
  }
  const parsed = schema.safeParse(merged);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? "");
    const variable = (envNames as Record<string, string | undefined>)[name];
    // zod's own words for what is missing speak of types; a schema's own message stays.
    const missing = name !== "" && !(name in merged) && issue.message.startsWith("Invalid input");
    const message = missing ? "is required" : issue.message;
    return `${issue.path.join(".")}${variable === undefined ? "" : ` (${variable})`}: ${message}`;
  });
  throw new ShardcastError("SHARDCAST_INVALID_CONFIG", `${what}: ${faults.join("; ")}`, {
    extensions: { faults },
  });
}

/** A whole number; digits from the environment are read as one. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  return z.preprocess(
    (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value),
    z.number().int().min(min).max(max),
  );
}

/** A list; from the environment, separated by commas. */
export function textList() {
  return z.preprocess(
    (value) =>
      typeof value === "string"
        ? value
            .split(",")
            .map((item) => item.trim())
            .filter(Boolean)
        : value,
    z.array(z.string().min(1)),
  );
}

/** A switch; from the environment `true`/`false`, `1`/`0`, `yes`/`no`, `on`/`off`. */
export function flag() {
  return z.union([z.boolean(), z.stringbool()]);
}
