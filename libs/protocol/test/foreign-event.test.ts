import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeRequest, type IncomingRecord } from "../src/index.ts";
import { buffers } from "./arbitraries.ts";

const ORIGIN = "accounts.requests-0-17";
const EVENT = { ce_specversion: "1.0", ce_id: "e-1", ce_source: "/bank/1", ce_type: "deposit" };

function decoded(headers: IncomingRecord["headers"]) {
  const record = { key: Buffer.from("42"), value: Buffer.from("{}"), headers };
  const request = decodeRequest(record, "accounts", ORIGIN);
  if (request.kind !== "request") throw new Error(request.kind);
  return request.request;
}

describe("a stranger's record that is a CloudEvent", () => {
  test("goes to the handler of its type, its attributes as headers ce-…", () => {
    const headers = {
      ...EVENT,
      ce_subject: Buffer.from("a €"),
      "content-type": "application/json",
      other: "x",
    };
    expect(decoded(headers)).toMatchObject({
      id: ORIGIN,
      handler: "deposit",
      contentType: "application/json",
      headers: {
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-source": "/bank/1",
        "ce-type": "deposit",
        "ce-subject": "a €",
      },
    });
    expect(Object.keys(decoded(headers).headers)).toHaveLength(5);
  });

  test.each(["x".repeat(256), "a\nb", ""])(
    "goes to the default handler when its type names none: %j",
    (type) => {
      const request = decoded({ ...EVENT, ce_type: type });
      expect(request.handler).toBe("");
      expect(request.headers["ce-type"]).toBe(type);
    },
  );

  test("takes what is no attribute for none, and is a request whatever its headers are", () => {
    expect(decoded({ ce_: "a", ce_A: "b", "ce_a-b": "c", "ce-id": "d", ce_null: null }).headers).toEqual({});
    const names = fc.stringMatching(/^ce_[a-z0-9]{0,9}$/);
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.option(fc.oneof(buffers, fc.array(fc.option(buffers))))),
        (headers) => {
          for (const name in decoded(headers).headers) {
            expect(name).toMatch(/^ce-[a-z0-9]+$/);
          }
        },
      ),
    );
  });

  test("is not what a record of ours makes of such headers", () => {
    const ours = { ...EVENT, "sc-version": Buffer.from([1]), "sc-id": "a", "sc-service": "accounts" };
    expect(decoded(ours)).toMatchObject({ handler: "", headers: {} });
  });
});
