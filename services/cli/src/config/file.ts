import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { IN_FILE } from "./common.ts";

/** What a configuration file says. */
export interface ConfigFile {
  /** Undefined when there is none. */
  readonly path?: string;
  readonly said: Readonly<Record<string, unknown>>;
  readonly faults: readonly string[];
}

const NONE: ConfigFile = { said: {}, faults: [] };
const PROJECT_FILE = ".shardcast.json";

/** The file that is named, which must be there, or the first of the usual places that has one. Never throws. */
export function readConfigFile(
  named: string | undefined,
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
): ConfigFile {
  const home = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config");
  const usual = [join(cwd, PROJECT_FILE), join(home, "shardcast", "config.json")];
  const path = named === undefined ? usual.find((candidate) => existsSync(candidate)) : resolve(cwd, named);
  return path === undefined ? NONE : read(path);
}

function read(path: string): ConfigFile {
  let said: unknown;
  try {
    said = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    return { path, said: {}, faults: [`${path}: ${error instanceof Error ? error.message : String(error)}`] };
  }
  if (typeof said !== "object" || said === null || Array.isArray(said)) {
    return { path, said: {}, faults: [`${path}: must be a JSON object`] };
  }
  const known = Object.keys(IN_FILE).filter((name) => IN_FILE[name]?.inFile);
  const faults = Object.keys(said)
    .filter((name) => !known.includes(name))
    .map((name) => `${path}: ${JSON.stringify(name)} is not known; there are ${known.join(", ")}`);
  return { path, said: said as Record<string, unknown>, faults };
}
