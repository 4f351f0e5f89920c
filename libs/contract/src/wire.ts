import type { ReadBy, Schema } from "./schema.ts";
import { type Issue, type Validation, validate } from "./validate.ts";

/** `text` is undefined for nothing at all: an empty body. */
export type Encoded =
  | { readonly ok: true; readonly text: string | undefined }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export type Decoded<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "unfit"; readonly issues: readonly Issue[] }
  | { readonly kind: "not-json" };

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The JSON of a value that fits the schema. What is checked is what travels, not what was given: a date becomes a text,
 * NaN becomes null, and whoever reads it will find that. What travels is not what the schema makes of it, since the reader's schema
 * would then read what has been read already.
 *
 * @throws {TypeError} when the value can not be written as JSON
 */
export async function encodeWith(schema: Schema, value: unknown): Promise<Encoded> {
  const text: string | undefined = JSON.stringify(value);
  const checked = await validate(schema, text === undefined ? undefined : JSON.parse(text));
  return checked.ok ? { ok: true, text } : checked;
}

/** What a schema makes of a JSON body; an empty one is `undefined`, which is for the schema to allow. */
export async function decodeWith<S extends Schema>(schema: S, body: Uint8Array): Promise<Decoded<ReadBy<S>>> {
  let sent: unknown;
  try {
    if (body.byteLength > 0) sent = JSON.parse(utf8.decode(body));
  } catch {
    return { kind: "not-json" };
  }
  const checked: Validation<ReadBy<S>> = await validate(schema, sent);
  return checked.ok ? { kind: "value", value: checked.value } : { kind: "unfit", issues: checked.issues };
}
