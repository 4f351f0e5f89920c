import { type Logger, pino } from "pino";
import type { Printer } from "./print.ts";

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly member?: string;
  readonly attempt?: number;
  readonly reason?: string;
  readonly err?: { readonly message: string };
}

/** A logger whose warnings and errors stand in the tour as short lines instead of long JSON. */
export function createTourLogger(printer: Printer): Logger {
  return pino({ level: "warn" }, { write: (json: string) => printer.log(shorten(JSON.parse(json) as Line)) });
}

function shorten({ level, msg, member, attempt, reason, err }: Line): string {
  const who = member === undefined ? "gateway" : `replica ${member}`;
  const which = attempt === undefined ? "" : ` (attempt ${attempt})`;
  const why = err?.message ?? reason;
  return `${pino.levels.labels[level]} ${who}: ${msg}${which}${why === undefined ? "" : `: ${why}`}`;
}
