import type { World } from "../world.ts";
import { jsonProgress } from "./json-progress.ts";
import { lineProgress } from "./line-progress.ts";
import { liveProgress } from "./live-progress.ts";
import type { Progress } from "./progress.ts";

/** Live on a terminal, lines elsewhere, JSON where that is wanted. */
export function progressOf({ stdout, env }: Pick<World, "stdout" | "env">, json: boolean): Progress {
  if (json) return jsonProgress(stdout);
  // A dumb terminal can not go back over what it has shown.
  return stdout.isTTY === true && env.TERM !== "dumb" ? liveProgress(stdout) : lineProgress(stdout);
}
