import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ReadBy, Schema } from "./schema.ts";

/** One thing that does not fit. */
export interface Issue {
  /** Where: a JSON pointer (RFC 6901), empty for the whole value. */
  readonly pointer: string;
  readonly message: string;
}

export type Validation<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] };

// A body may hold as many faults as it has values, and what a caller sent shall not come back a hundred times (C7).
const MAX_ISSUES = 100;
const MAX_POINTER = 1_000;
const MAX_MESSAGE = 500;

/** What a schema makes of a value, or what does not fit. Rejects with whatever the schema itself throws. */
export async function validate<S extends Schema>(schema: S, value: unknown): Promise<Validation<ReadBy<S>>> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return { ok: true, value: result.value as ReadBy<S> };
  return {
    ok: false,
    issues: result.issues.slice(0, MAX_ISSUES).map(({ path, message }) => ({
      pointer: pointerOf(path ?? []),
      message: message.slice(0, MAX_MESSAGE),
    })),
  };
}

/** Issues in one line, for the message of an error that has them all beside it. */
export function issuesText(issues: readonly Issue[]): string {
  const [first, ...more] = issues;
  if (first === undefined) return "does not fit";
  const where = first.pointer === "" ? "" : `${first.pointer}: `;
  return `${where}${first.message}${more.length === 0 ? "" : ` (and ${more.length} more)`}`;
}

/** Too long ones name what is around the fault. */
function pointerOf(path: NonNullable<StandardSchemaV1.Issue["path"]>): string {
  let pointer = "";
  for (const segment of path) {
    const key = typeof segment === "object" ? segment.key : segment;
    const deeper = `${pointer}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (deeper.length > MAX_POINTER) break;
    pointer = deeper;
  }
  return pointer;
}
