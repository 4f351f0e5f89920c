import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";

/** A schema of any library that keeps to Standard Schema, e.g. zod or valibot. */
export type Schema<Sent = unknown, Read = unknown> = StandardSchemaV1<Sent, Read>;

/** What a schema takes in: this side travels. */
export type SentBy<S extends Schema> = StandardSchemaV1.InferInput<S>;

/** What comes out of it: this side is read. */
export type ReadBy<S extends Schema> = StandardSchemaV1.InferOutput<S>;

export type JsonSchemaOptions = StandardJSONSchemaV1.Options;

export function isSchema(value: unknown): value is Schema {
  const standard = standardOf(value);
  return standard?.version === 1 && typeof standard.validate === "function";
}

/** The part of a schema that says what it is in JSON Schema; not every library has it. */
export function jsonSchemaTrait(schema: Schema): StandardJSONSchemaV1.Converter | undefined {
  const trait = standardOf(schema)?.jsonSchema;
  return typeof trait === "object" && trait !== null ? (trait as StandardJSONSchemaV1.Converter) : undefined;
}

/** Of objects and functions: the schemas of some libraries are functions. */
function standardOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  const standard: unknown = (value as Partial<Schema>)["~standard"];
  return typeof standard === "object" && standard !== null
    ? (standard as Readonly<Record<string, unknown>>)
    : undefined;
}
