import { describe, expect, test } from "vitest";
import { moveRefs } from "../src/documents/move-refs.ts";

const BASE = "#/components/schemas/It";

describe("a schema that is put into a document", () => {
  test("points to where it is now, however deep", () => {
    const schema = {
      $ref: "#",
      anyOf: [{ $ref: "#/$defs/a" }, { items: { $ref: "#anchor" } }],
      $defs: { a: { $ref: "https://example.com/x#/a" } },
    };
    expect(moveRefs(schema, BASE)).toEqual({
      $ref: BASE,
      anyOf: [{ $ref: `${BASE}/$defs/a` }, { items: { $ref: "#anchor" } }],
      $defs: { a: { $ref: "https://example.com/x#/a" } },
    });
  });

  test("keeps data that looks like a reference, also where a property has the name of a keyword", () => {
    const data = { $ref: "#" };
    const schema = {
      const: data,
      enum: [data],
      default: data,
      examples: [data],
      properties: { default: data, $ref: { type: "string" } },
    };
    expect(moveRefs(schema, BASE)).toEqual({
      ...schema,
      properties: { default: { $ref: BASE }, $ref: { type: "string" } },
    });
  });

  test("is left alone where it has an identifier of its own", () => {
    const inner = { $id: "https://example.com/x", properties: { a: { $ref: "#" } } };
    expect(moveRefs({ not: inner }, BASE)).toEqual({ not: inner });
  });
});
