import { styleText } from "node:util";

const MARGIN = "  ";
/** For `$ `, and for the backslash behind. */
const COMMAND_MARGIN = 2;
const WIDEST = 100;
const NARROWEST = 40;

/** Writes the tour. Colours only where a terminal shows them, and not with NO_COLOR: `styleText` sees to that. */
export interface Printer {
  title(text: string): void;
  /** Prose, wrapped. */
  say(text: string): void;
  /** What a person would type; a long line goes on behind a backslash. */
  command(line: string): void;
  /** What came back: a status and, mostly, JSON. */
  answer(status: number, body: unknown): void;
  /** Rows of equal length; the first is the head. All but the first column are numbers. */
  table(rows: readonly (readonly string[])[]): void;
  /** Names and what they stand for. */
  list(rows: readonly (readonly [name: string, value: string])[]): void;
  /** A line of the processes' logs. */
  log(line: string): void;
  /** What was just shown to hold. */
  holds(text: string): void;
  /** What was just shown to go wrong, as it was to be expected. */
  warns(text: string): void;
}

export function createPrinter(stream: NodeJS.WriteStream = process.stdout): Printer {
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    styleText(format, text, { stream });
  const width = Math.max(NARROWEST, Math.min(stream.columns ?? WIDEST, WIDEST)) - MARGIN.length;
  const print = (line: string) => void stream.write(`${line}\n`);

  function marked(mark: string, text: string): void {
    for (const [i, line] of wrap(text, width - 3).entries()) {
      print(`${MARGIN}${i === 0 ? mark : "  "} ${line}`);
    }
  }

  return {
    title(text) {
      print("");
      print(style("bold", text));
    },
    say(text) {
      for (const line of wrap(text, width)) print(MARGIN + line);
    },
    command(line) {
      const lines = fill(line.split(" "), " ", width - 2 * COMMAND_MARGIN);
      for (const [i, part] of lines.entries()) {
        const begin = i === 0 ? "$ " : " ".repeat(2 * COMMAND_MARGIN);
        print(MARGIN + style("cyan", `${begin}${part}${i === lines.length - 1 ? "" : " \\"}`));
      }
    },
    answer(status, body) {
      for (const line of jsonLines(`${status} `, body, width)) {
        print(MARGIN + style(status < 400 ? "green" : "yellow", line));
      }
    },
    table(rows) {
      const widths = (rows[0] ?? []).map((_, column) =>
        Math.max(...rows.map((row) => row[column]?.length ?? 0)),
      );
      for (const [i, row] of rows.entries()) {
        const cells = row.map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        );
        print(MARGIN + (i === 0 ? style("dim", cells.join("  ")) : cells.join("  ")));
      }
    },
    log(line) {
      const all = `log: ${line}`;
      print(MARGIN + style("dim", all.length <= width ? all : `${all.slice(0, width - 1)}…`));
    },
    list(rows) {
      const widest = Math.max(...rows.map(([name]) => name.length));
      for (const [name, value] of rows) print(`${MARGIN}${style("dim", name.padEnd(widest))}  ${value}`);
    },
    holds: (text) => marked(style("green", "ok"), text),
    warns: (text) => marked(style("red", "!!"), text),
  };
}

/** JSON on one line where it fits; else its members share lines, none of them broken. */
function jsonLines(head: string, body: unknown, width: number): string[] {
  const short = head + JSON.stringify(body);
  if (short.length <= width || typeof body !== "object" || body === null) return [short];
  const members = Object.entries(body).map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  const indent = " ".repeat(head.length + 1);
  const lines = fill(members, ",", width - indent.length - 1);
  return lines.map((line, i) => {
    const begin = i === 0 ? `${head}{` : indent;
    return `${begin}${line}${i === lines.length - 1 ? "}" : ","}`;
  });
}

function wrap(text: string, width: number): string[] {
  return fill(text.split(/\s+/), " ", width);
}

/** Joins as many parts to a line as fit. */
function fill(parts: readonly string[], between: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last === undefined || last.length + between.length + part.length > width) lines.push(part);
    else lines[lines.length - 1] = last + between + part;
  }
  return lines;
}
