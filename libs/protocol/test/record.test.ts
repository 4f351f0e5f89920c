import { describe, expect, test } from "vitest";
import { asBuffer, headerText } from "../src/index.ts";

describe("headerText", () => {
  test("reads bytes as UTF-8 and text as it is; of a repeated header the last", () => {
    const headers = { bytes: Buffer.from("größe"), text: "größe", twice: ["first", Buffer.from("last")] };
    expect(headerText(headers, "bytes")).toBe("größe");
    expect(headerText(headers, "text")).toBe("größe");
    expect(headerText(headers, "twice")).toBe("last");
  });

  test("has nothing for what is absent, empty of values, or inherited", () => {
    const headers = { none: undefined, empty: [] };
    for (const name of ["absent", "none", "empty", "toString", "constructor", "__proto__"]) {
      expect(headerText(headers, name)).toBeUndefined();
    }
    expect(headerText({ blank: "" }, "blank")).toBe("");
    expect(headerText({ blank: Buffer.alloc(0) }, "blank")).toBe("");
  });
});

describe("asBuffer", () => {
  test("is a view of the same bytes, no more of them and no copy", () => {
    const bytes = new Uint8Array([0, 1, 2, 3]).subarray(1, 3);
    const buffer = asBuffer(bytes);
    expect([...buffer]).toEqual([1, 2]);
    bytes[0] = 9;
    expect(buffer[0]).toBe(9);
    expect(asBuffer(buffer)).toBe(buffer);
  });
});
