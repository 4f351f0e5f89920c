import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ERROR_TABLE, fromProblem, ShardcastError, toProblem } from "../src/index.ts";
import { buffers, errorCodes } from "./arbitraries.ts";

const RESERVED = new Set(["type", "title", "status", "detail", "code", "retryable"]);
const extensions = fc
  .dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
  // -0 is lost in JSON, and dictionaries of fast-check may be without a prototype
  .map((values) => JSON.parse(JSON.stringify(values)) as Record<string, unknown>)
  .filter((values) => Object.keys(values).every((name) => !RESERVED.has(name)));

function throughJson(error: unknown): ShardcastError | undefined {
  return fromProblem(Buffer.from(JSON.stringify(toProblem(error))));
}

describe("a problem document", () => {
  test("carries an error to the other side", () => {
    fc.assert(
      fc.property(
        errorCodes,
        fc.string(),
        extensions,
        fc.integer({ min: 400, max: 599 }),
        (code, detail, more, status) => {
          const error = new ShardcastError(code, detail, { extensions: more, status });
          const back = throughJson(error);
          expect(back).toMatchObject({
            code,
            message: detail,
            status,
            retryable: ERROR_TABLE[code].retryable,
          });
          expect(Object.entries(back?.extensions ?? {})).toEqual(Object.entries(more));
        },
      ),
    );
  });

  test("has RFC 9457's members and ours", () => {
    const error = new ShardcastError("SHARDCAST_LANE_BUSY", "lane 3 is busy", { extensions: { lane: 3 } });
    expect(toProblem(error)).toEqual({
      type: "urn:shardcast:problem:SHARDCAST_LANE_BUSY",
      title: "Lane busy",
      status: 429,
      detail: "lane 3 is busy",
      code: "SHARDCAST_LANE_BUSY",
      retryable: true,
      lane: 3,
    });
  });

  test("extensions can not forge the members of the error", () => {
    const forged = { type: "x", title: "x", status: 200, detail: "x", code: "x", retryable: true };
    const problem = toProblem(new ShardcastError("SHARDCAST_FENCED", "real", { extensions: forged }));
    expect(problem).toMatchObject({ status: 503, detail: "real", code: "SHARDCAST_FENCED" });
  });

  test("of an unknown fault tells nothing of it", () => {
    const problem = toProblem(new Error("password is hunter2"));
    expect(problem).toMatchObject({ status: 500, code: "SHARDCAST_INTERNAL" });
    expect(JSON.stringify(problem)).not.toContain("hunter2");
  });

  test.each([
    "",
    "null",
    "[]",
    "3",
    '"text"',
    "{}",
    '{"code":3}',
    '{"code":"NOT_OURS"}',
    '{"code":"toString"}',
  ])("%s is none of ours", (body) => {
    expect(fromProblem(Buffer.from(body))).toBeUndefined();
  });

  test("reading never throws, whatever the bytes", () => {
    const documents = fc.json().map((json) => Buffer.from(json));
    const nearly = fc
      .record({ code: errorCodes, status: fc.jsonValue(), detail: fc.jsonValue() })
      .map((problem) => Buffer.from(JSON.stringify(problem)));
    fc.assert(
      fc.property(fc.oneof(buffers, documents, nearly), (bytes) => {
        const error = fromProblem(bytes);
        expect(error === undefined || Number.isInteger(error.status)).toBe(true);
      }),
    );
  });
});
