import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Act, Effect } from "./checker/history.ts";

/** Lines are whole and none is lost, also from several processes and after a kill: one write each, at the end. */
export function openEffectLog(path: string) {
  const fd = openSync(path, "a");
  return {
    write: (line: Effect | Act) => void writeSync(fd, `${JSON.stringify(line)}\n`),
    close: () => closeSync(fd),
  };
}

/** What handlers and hooks did, and what members did at broadcasts. */
export function readEffects(path: string): { readonly effects: Effect[]; readonly acts: Act[] } {
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Effect | Act);
  return { acts: lines.filter(isAct), effects: lines.filter((line) => !isAct(line)) };
}

function isAct(line: Effect | Act): line is Act {
  return line.event === "begun" || line.event === "acted" || line.event === "failed";
}
