import type { Json, JsonObject } from "./json.ts";

/** Members whose value is data, not a schema. */
const DATA = new Set(["const", "default", "enum", "examples", "example"]);
/** Members whose value has schemas by names that somebody chose. */
const NAMED = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);

/**
 * A schema that points into itself (`#`, `#/$defs/…`), as a part of a document: there `#` is the document.
 *
 * @param base the pointer at which the schema is put, e.g. `#/components/schemas/Deposit`
 */
export function moveRefs(schema: JsonObject, base: string): JsonObject {
  // What has an identifier of its own keeps being what its pointers start from.
  if (typeof schema.$id === "string") return schema;
  return mapMembers(schema, (member, value) => {
    if (member === "$ref" && typeof value === "string") return moved(value, base);
    if (DATA.has(member)) return value;
    return NAMED.has(member) && isObject(value)
      ? mapMembers(value, (_, named) => inner(named, base))
      : inner(value, base);
  });
}

function inner(value: Json, base: string): Json {
  if (isArray(value)) return value.map((item) => inner(item, base));
  return isObject(value) ? moveRefs(value, base) : value;
}

function moved(ref: string, base: string): string {
  return ref === "#" || ref.startsWith("#/") ? `${base}${ref.slice(1)}` : ref;
}

function mapMembers(object: JsonObject, map: (member: string, value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([member, value]) => [member, map(member, value)]));
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !isArray(value);
}
