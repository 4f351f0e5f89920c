import type { JsonSchemaOptions, Schema } from "../schema.ts";
import type { JsonObject } from "./json.ts";
import { jsonSchemaOf } from "./json-schema.ts";
import { moveRefs } from "./move-refs.ts";
import { UniqueNames } from "./unique-names.ts";

export type Ref = { readonly $ref: string };

/** `components.schemas` of a document while it is made. */
export class Schemas {
  readonly #target: JsonSchemaOptions["target"];
  readonly #names = new UniqueNames();
  readonly #schemas: Record<string, JsonObject> = {};

  constructor(target: JsonSchemaOptions["target"]) {
    this.#target = target;
  }

  /** Puts a user's schema there, under this name or one like it. */
  add(wanted: string, schema: Schema): Ref {
    const name = this.#names.take(wanted);
    const $ref = refTo(name);
    this.#schemas[name] = moveRefs(jsonSchemaOf(schema, this.#target), $ref);
    return { $ref };
  }

  /** The same for one of ours, whose references are to the document already. */
  put(wanted: string, schema: JsonObject): Ref {
    const name = this.#names.take(wanted);
    this.#schemas[name] = schema;
    return { $ref: refTo(name) };
  }

  all(): Readonly<Record<string, JsonObject>> {
    return this.#schemas;
  }
}

function refTo(name: string): string {
  return `#/components/schemas/${name}`;
}
