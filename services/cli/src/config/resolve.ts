import { UsageError } from "../errors.ts";
import type { World } from "../world.ts";
import { IN_FILE } from "./common.ts";
import { readConfigFile } from "./file.ts";
import { flagOf, type Setting, type Settings, type Values } from "./setting.ts";

/** Flags as they were given, by the setting's name. */
export type Flags = Readonly<Record<string, unknown>>;

interface Said {
  /** Who said it, as a person knows it. */
  readonly source: string;
  readonly value: unknown;
}

/**
 * What the settings of one call come to: flag > environment > file > default. An empty variable counts as unset.
 *
 * @throws {UsageError} with every fault, also those of the file that do not matter to this call
 */
export function resolveSettings<S extends Settings>(
  settings: S,
  flags: Flags,
  world: Pick<World, "cwd" | "env">,
): Values<S> {
  const { env } = world;
  const named = flags.config ?? (env.SHARDCAST_CONFIG || undefined);
  const file = readConfigFile(typeof named === "string" ? named : undefined, world);
  const faults = [...file.faults];
  const values: Record<string, unknown> = {};

  function take(setting: Setting, said: Said): unknown {
    const parsed = setting.schema.safeParse(said.value);
    if (parsed.success) return parsed.data;
    for (const { message } of parsed.error.issues) faults.push(`${said.source}: ${message}`);
    return undefined;
  }

  for (const [name, setting] of Object.entries(IN_FILE)) {
    // Those of this call are read below, from whoever counts most.
    if (name in settings || !(name in file.said)) continue;
    take(setting, { source: `${file.path}: ${name}`, value: file.said[name] });
  }
  for (const [name, setting] of Object.entries(settings)) {
    const value = take(setting, saidOf(name, setting));
    if (value !== undefined) values[name] = value;
  }
  if (faults.length > 0) throw new UsageError(faults);
  return values as Values<S>;

  function saidOf(name: string, { env: variables = [], inFile, kind }: Setting): Said {
    const given = flags[name];
    if (given !== undefined) {
      // yargs makes a list of what is given twice.
      if (Array.isArray(given) && kind !== "list") faults.push(`${flagOf(name)}: given more than once`);
      return { source: flagOf(name), value: Array.isArray(given) && kind !== "list" ? given.at(-1) : given };
    }
    const variable = variables.find((each) => env[each]);
    if (variable !== undefined) return { source: variable, value: env[variable] };
    const fromFile = inFile ? file.said[name] : undefined;
    return { source: fromFile === undefined ? flagOf(name) : `${file.path}: ${name}`, value: fromFile };
  }
}
