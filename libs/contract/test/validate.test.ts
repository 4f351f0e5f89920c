import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { decodeWith, encodeWith, issuesText, type Schema, validate } from "../src/index.ts";
import { handMade } from "./support/contracts.ts";

const CASES: readonly [string, Schema][] = [
  ["zod", z.object({ list: z.array(z.object({ "a/b~c": z.number() })) })],
  ["valibot", v.object({ list: v.array(v.object({ "a/b~c": v.number() })) })],
  [
    "an asynchronous zod",
    z.object({ list: z.array(z.object({ "a/b~c": z.number() })) }).refine(async () => true),
  ],
];

describe("validate", () => {
  test.each(CASES)("of %s gives the value that fits", async (_, schema) => {
    const value = { list: [{ "a/b~c": 1 }] };
    expect(await validate(schema, value)).toEqual({ ok: true, value });
  });

  test.each(CASES)("of %s says where something does not fit, as JSON pointers", async (_, schema) => {
    const result = await validate(schema, { list: [{ "a/b~c": 1 }, { "a/b~c": "1" }] });
    expect(result).toEqual({
      ok: false,
      issues: [{ pointer: "/list/1/a~1b~0c", message: expect.any(String) }],
    });
  });

  test("of a schema of no library takes paths of keys and of segments, and none", async () => {
    const schema = handMade<unknown>(() => [
      { message: "a", path: ["x", 0] },
      { message: "b", path: [{ key: "y" }] as unknown as PropertyKey[] },
      { message: "c" },
    ]);
    expect(await validate(schema, 1)).toEqual({
      ok: false,
      issues: [
        { pointer: "/x/0", message: "a" },
        { pointer: "/y", message: "b" },
        { pointer: "", message: "c" },
      ],
    });
  });

  test("says no more than fits into an answer, whatever was sent (C7)", async () => {
    const long = "k".repeat(2_000);
    const result = await validate(
      handMade(() => Array.from({ length: 1_000 }, () => ({ message: long, path: ["a", long, "b"] }))),
      1,
    );
    if (result.ok) throw new Error("fits");
    expect(result.issues).toHaveLength(100);
    expect(result.issues[0]).toEqual({ pointer: "/a", message: "k".repeat(500) });
  });

  test("rejects with what the schema throws", async () => {
    const broken = handMade(() => {
      throw new Error("a bug");
    });
    await expect(validate(broken, 1)).rejects.toThrow("a bug");
  });
});

describe("issues in a line", () => {
  test.each([
    [[{ pointer: "/a", message: "bad" }], "/a: bad"],
    [[{ pointer: "", message: "bad" }], "bad"],
    [
      [
        { pointer: "/a", message: "bad" },
        { pointer: "/b", message: "bad" },
      ],
      "/a: bad (and 1 more)",
    ],
    [[], "does not fit"],
  ])("%j", (issues, text) => {
    expect(issuesText(issues)).toBe(text);
  });
});

describe("what travels", () => {
  const Moment = z.object({ at: z.iso.datetime().transform((text) => new Date(text)) });
  const sent = { at: "2026-01-01T00:00:00Z" };

  test("is what the schema takes in, and the reader alone gets what it makes of it", async () => {
    const encoded = await encodeWith(Moment, sent);
    expect(encoded).toEqual({ ok: true, text: JSON.stringify(sent) });
    expect(await decodeWith(Moment, Buffer.from(JSON.stringify(sent)))).toEqual({
      kind: "value",
      value: { at: new Date(sent.at) },
    });
  });

  test("is checked as the reader will find it, not as it was given", async () => {
    expect(await encodeWith(z.number().or(z.nan()), Number.NaN)).toMatchObject({ ok: false }); // null in JSON
    expect(await encodeWith(z.object({ at: z.date() }), { at: new Date(0) })).toMatchObject({ ok: false });
    expect(await encodeWith(z.strictObject({}), { absent: undefined })).toEqual({ ok: true, text: "{}" });
  });

  test("may be nothing where the schema allows it", async () => {
    expect(await encodeWith(z.string().optional(), undefined)).toEqual({ ok: true, text: undefined });
    expect(await encodeWith(z.string(), undefined)).toMatchObject({ ok: false });
    const nothing = Buffer.alloc(0);
    expect(await decodeWith(z.string().optional(), nothing)).toEqual({ kind: "value", value: undefined });
    expect(await decodeWith(z.string(), nothing)).toMatchObject({ kind: "unfit" });
  });

  test.each([
    ["text", Buffer.from("{")],
    ["bytes that are no text", Buffer.from([0x22, 0xff, 0x22])],
  ])("is no JSON: %s", async (_, body) => {
    expect(await decodeWith(z.unknown(), body)).toEqual({ kind: "not-json" });
  });

  test("that can not be written as JSON is thrown", async () => {
    await expect(encodeWith(z.unknown(), { n: 1n })).rejects.toThrow(TypeError);
  });
});
