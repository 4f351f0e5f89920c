import { NO_STYLE, type Style } from "./style.ts";
import { plain, widthOf } from "./text.ts";

/** A table without lines: columns as wide as they have to be, what is undefined left out. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
  style: Style = NO_STYLE,
): string {
  const cells = rows.map((row) => row.map((cell) => plain(String(cell ?? "-"))));
  const widths = head.map((title, column) =>
    Math.max(widthOf(title), ...cells.map((row) => widthOf(row[column] ?? ""))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd();
  return [style("bold", line(head)), ...cells.map(line)].join("\n");
}
