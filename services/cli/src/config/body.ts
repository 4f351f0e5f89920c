import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import type { World } from "../world.ts";
import type { Settings } from "./setting.ts";

const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(.*)$/s;

/** What is sent, and what travels with it. */
export const CONTENT = {
  data: {
    schema: z.string().default(""),
    describe: "what to send: text, @file for what a file holds, @- for standard input (nothing)",
  },
  contentType: { schema: z.string().min(1).optional(), describe: "its media type (none)" },
  header: {
    schema: z
      .array(z.string())
      .transform((pairs, context) =>
        headersOf(pairs, (message) => context.addIssue({ code: "custom", message })),
      )
      .default({}),
    describe: "a header for the handler, name=value; may be given several times",
    kind: "list",
  },
} as const satisfies Settings;

/** The bytes that `--data` means. @throws {UsageError} when the file can not be read */
export async function bytesOf(
  data: string,
  { cwd, stdin }: Pick<World, "cwd" | "stdin">,
): Promise<Uint8Array> {
  if (!data.startsWith("@")) return Buffer.from(data);
  if (data === "@-") {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stdin) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
  try {
    return readFileSync(resolve(cwd, data.slice(1)));
  } catch (error) {
    throw new UsageError([`--data: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function headersOf(pairs: readonly string[], fault: (message: string) => void): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of pairs) {
    const [, name = "", value = ""] = HEADER.exec(pair) ?? [];
    const lower = name.toLowerCase();
    if (name === "") fault(`name=value with the name of a header, got ${JSON.stringify(pair)}`);
    else if (Object.hasOwn(headers, lower)) fault(`${lower} is given more than once`);
    else headers[lower] = value;
  }
  return headers;
}
