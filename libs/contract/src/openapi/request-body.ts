import type { JsonObject } from "../documents/json.ts";
import type { Schema } from "../schema.ts";

/** A JSON body, as a member of an operation. */
export function requestBody(required: boolean, schema: JsonObject): JsonObject {
  return { requestBody: { required, content: { "application/json": { schema } } } };
}

/** JSON Schema can not say it: an empty body is no JSON. A schema that answers later is taken not to. */
export function takesNothing(schema: Schema): boolean {
  try {
    const result = schema["~standard"].validate(undefined);
    if (!("then" in result)) return result.issues === undefined;
    result.then(undefined, () => {});
    return false;
  } catch {
    return false;
  }
}
