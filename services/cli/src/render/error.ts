import { isShardcastError } from "@shardcast/protocol";
import { Interrupted, UsageError } from "../errors.ts";
import { plain } from "./text.ts";

/** What standard error says of what went wrong: lines, or one JSON object. */
export function errorText(error: unknown, exitCode: number, json: boolean): string {
  if (json) {
    const said = isShardcastError(error) ? { code: error.code, ...error.extensions } : {};
    return `${JSON.stringify({ type: "error", ...said, detail: detailOf(error), exitCode })}\n`;
  }
  const lines = error instanceof UsageError ? error.faults : [lineOf(error)];
  return lines.map((line) => `shardcast: ${plain(line)}\n`).join("");
}

function lineOf(error: unknown): string {
  if (!isShardcastError(error)) return detailOf(error);
  const { requestId } = error.extensions;
  const about = typeof requestId === "string" ? ` (request ${requestId})` : "";
  return `${error.code}: ${detailOf(error)}${about}`;
}

function detailOf(error: unknown): string {
  if (error instanceof UsageError) return error.faults.join("; ");
  if (error instanceof Interrupted) return "interrupted; what was accepted by then goes on";
  if (isShardcastError(error)) return `${error.message}${causeOf(error)}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Why a connection failed is at the bottom: fetch itself says only that it did. */
function causeOf({ cause }: Error): string {
  let last: unknown = cause;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  if (!(last instanceof Error)) return "";
  const code = "code" in last ? String(last.code) : "";
  return ` (${last.message || code})`;
}
