import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeReply,
  decodeReplyFence,
  encodeReply,
  encodeReplyFence,
  type IncomingRecord,
} from "../src/index.ts";
import { garbage, replies, throughTheLog } from "./arbitraries.ts";

const offset = fc.nat(999_999_999_999_999);
const fences = fc.array(fc.tuple(fc.nat(), offset)).map((entries) => ({ tokens: new Map(entries) }));

function raw(text: string): IncomingRecord {
  const mark = throughTheLog(encodeReplyFence({ tokens: new Map() }));
  return { ...mark, value: Buffer.from(text) };
}

describe("a mark on the replies", () => {
  test("comes back from the log as it was", () => {
    fc.assert(
      fc.property(fences, (fence) => {
        expect(decodeReplyFence(throughTheLog(encodeReplyFence(fence)))).toEqual(fence);
      }),
    );
  });

  test("is no reply, and a reply is no mark", () => {
    fc.assert(
      fc.property(fences, replies, (fence, reply) => {
        expect(decodeReply(throughTheLog(encodeReplyFence(fence)))).toBeUndefined();
        expect(decodeReplyFence(throughTheLog(encodeReply(reply)))).toBeUndefined();
      }),
    );
  });

  test("a caller's own header of that name does not make a reply one", () => {
    const reply = encodeReply({
      id: "id",
      instance: "me",
      status: 200,
      headers: { "sc-fence": "1" },
      body: Buffer.from("{}"),
    });
    expect(decodeReplyFence(throughTheLog(reply))).toBeUndefined();
  });

  test.each([
    ["is not JSON", "{"],
    ["is null", "null"],
    ["is a list", "[7]"],
    ["is a number", "7"],
    ["names no lane", '{"":7}'],
    ["names a negative lane", '{"-1":7}'],
    ["names half a lane", '{"0.5":7}'],
    ["names a lane in a second way", '{"1":7,"01":8}'],
    ["has a token that is a text", '{"1":"7"}'],
    ["has a token that is no offset", '{"1":-7}'],
    ["has a token that is a fraction", '{"1":7.5}'],
  ])("that %s is none", (_, text) => {
    expect(decodeReplyFence(raw(text))).toBeUndefined();
  });

  test("without a version, of a newer one, or without a value is none", () => {
    const mark = raw("{}");
    expect(decodeReplyFence(mark)).toEqual({ tokens: new Map() });
    const { "sc-version": _, ...unversioned } = mark.headers;
    expect(decodeReplyFence({ ...mark, headers: unversioned })).toBeUndefined();
    expect(
      decodeReplyFence({ ...mark, headers: { ...mark.headers, "sc-version": "\u0002" } }),
    ).toBeUndefined();
    expect(decodeReplyFence({ ...mark, value: null })).toBeUndefined();
  });

  test("whatever lies on the log is one or none, and nothing throws", () => {
    const forged = fc.tuple(garbage, fc.oneof(fc.json(), fc.string())).map(([record, text]) => ({
      ...record,
      value: Buffer.from(text),
      headers: { ...record.headers, ...raw("").headers },
    }));
    fc.assert(
      fc.property(fc.oneof(garbage, forged), (record) => {
        const tokens = [...(decodeReplyFence(record)?.tokens ?? [])].flat();
        expect(tokens.every((value) => Number.isSafeInteger(value) && value >= 0)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
