import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Effect } from "./checker/history.ts";

/** Lines are whole and none is lost, also from several processes and after a kill: one write each, at the end. */
export function openEffectLog(path: string) {
  const fd = openSync(path, "a");
  return {
    write: (effect: Effect) => void writeSync(fd, `${JSON.stringify(effect)}\n`),
    close: () => closeSync(fd),
  };
}

export function readEffects(path: string): Effect[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Effect);
}
