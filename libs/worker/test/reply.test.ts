import { expect, test } from "vitest";
import { reply, toReply } from "../src/reply.ts";

test.each([
  ["nothing", undefined, 204, undefined, ""],
  ["text", "héllo", 200, "text/plain; charset=utf-8", "héllo"],
  ["empty text", "", 200, "text/plain; charset=utf-8", ""],
  ["bytes", new Uint8Array([104, 105]), 200, "application/octet-stream", "hi"],
  ["an object", { a: [1] }, 200, "application/json", '{"a":[1]}'],
  ["a number", 0, 200, "application/json", "0"],
  ["false", false, 200, "application/json", "false"],
  ["null", null, 200, "application/json", "null"],
])("a handler's result %s", (_, result, status, contentType, body) => {
  const made = toReply(result);
  expect(made.status).toBe(status);
  expect(made.contentType).toBe(contentType);
  expect(made.body.toString()).toBe(body);
  expect(made.headers).toEqual({});
});

test("a reply says everything itself, header names in lower case", () => {
  const made = reply({ status: 201, headers: { ETag: '"1"' }, contentType: "text/csv", body: "a,b" });
  expect(toReply(made)).toBe(made);
  expect(made).toMatchObject({ status: 201, headers: { etag: '"1"' }, contentType: "text/csv" });
  expect(reply({ status: 303 })).toMatchObject({ status: 303, body: Buffer.alloc(0) });
});

test("an object that looks like a reply is JSON", () => {
  expect(toReply({ status: 201, headers: {}, body: Buffer.from("x") }).contentType).toBe("application/json");
});

test.each<[string, Parameters<typeof reply>[0]]>([
  ["status 199", { status: 199 }],
  ["status 600", { status: 600 }],
  ["status 200.5", { status: 200.5 }],
  ["a header name with a space", { headers: { "a b": "c" } }],
  ["a header value with a line break", { headers: { a: "b\r\nc: d" } }],
  ["a header value beyond Latin-1", { headers: { a: "→" } }],
  ["a header value that is no text", { headers: { a: 1 as unknown as string } }],
  ["a content type with a line break", { contentType: "text/plain\r\na: b" }],
])("%s is refused", (_, init) => {
  expect(() => reply(init)).toThrow(RangeError);
});

test("what JSON can not write is refused", () => {
  expect(() => toReply({ amount: 1n })).toThrow(TypeError);
  expect(() => toReply(() => {})).toThrow("a function can not be written as JSON");
});
