import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "vitest";

/** Where a program lies on PATH. */
export function found(program: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/** Says in the report and on the console what was not run, and why. */
export function notRun(what: string, program: string): void {
  const why = `${program} is not on PATH: nothing is known of ${what}`;
  console.warn(`NOT RUN: ${why}`);
  test(what, ({ skip }) => skip(why));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
