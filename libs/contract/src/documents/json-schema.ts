import { type JsonSchemaOptions, jsonSchemaTrait, type Schema } from "../schema.ts";
import type { JsonObject } from "./json.ts";

/**
 * A schema in JSON Schema: the side of it that travels. Where the library can not say, anything fits, and the description
 * tells why: a document that promises less is better than none, and the schema itself still checks.
 */
export function jsonSchemaOf(schema: Schema, target: JsonSchemaOptions["target"]): JsonObject {
  const trait = jsonSchemaTrait(schema);
  if (trait === undefined) {
    const { vendor } = schema["~standard"];
    return { description: `Checked by a schema of ${vendor}, which has no Standard JSON Schema.` };
  }
  try {
    const { $schema: _ours, ...said } = trait.input({ target }) as JsonObject;
    return said;
  } catch (error) {
    const why = error instanceof Error ? error.message : "it does not say why";
    return { description: `Checked by a schema that can not be written as JSON Schema: ${why}` };
  }
}
