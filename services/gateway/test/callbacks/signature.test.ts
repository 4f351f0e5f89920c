import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { isCallbackSecret, signatureOf } from "../../src/callbacks/signature.ts";
import { OTHER_SECRET, SECRET } from "./support/settings.ts";

const ID = "0190b2c3-0000-7000-8000-000000000001";

describe("a callback's signature", () => {
  it("is one that the receivers' library accepts, and with another body, id or secret does not", () => {
    const body = Buffer.from('{"größe": "1 €"}');
    const headers = { ...signatureOf(SECRET, ID, body, Date.now()) };
    expect(new Webhook(SECRET).verify(body, headers)).toEqual({ größe: "1 €" });
    expect(() => new Webhook(SECRET).verify(Buffer.from("{}"), headers)).toThrow(/No matching signature/);
    expect(() => new Webhook(SECRET).verify(body, { ...headers, "webhook-id": "x" })).toThrow(/No matching/);
    expect(() => new Webhook(OTHER_SECRET).verify(body, headers)).toThrow(/No matching signature/);
  });

  it("is of the attempt, not of the request: an old one is refused", () => {
    const body = Buffer.from("{}");
    const headers = { ...signatureOf(SECRET, ID, body, Date.now() - 600_000) };
    expect(() => new Webhook(SECRET).verify(body, headers)).toThrow(/too old/);
  });

  it("comes once for each secret, so that receivers change theirs one by one", () => {
    const body = Buffer.from("[]");
    const headers = { ...signatureOf(` ${SECRET}  ${OTHER_SECRET}`, ID, body, Date.now()) };
    expect(headers["webhook-signature"].split(" ")).toHaveLength(2);
    for (const secret of [SECRET, OTHER_SECRET])
      expect(new Webhook(secret).verify(body, headers)).toEqual([]);
  });

  it("is of the bytes that are sent, also where they are no text", () => {
    // The library takes both for the same text.
    const body = Buffer.from([0xff, 0xfe, 0x00, 0x80]);
    const other = Buffer.from([0xff, 0xfd, 0x00, 0x80]);
    const at = 1_700_000_000_000;
    expect(signatureOf(SECRET, ID, body, at)).toEqual(signatureOf(SECRET, ID, Buffer.from(body), at));
    expect(signatureOf(SECRET, ID, body, at)).not.toEqual(signatureOf(SECRET, ID, other, at));
  });
});

describe("a secret", () => {
  it("is whsec_ and 24 bytes or more in base64, or several of them", () => {
    for (const text of [SECRET, OTHER_SECRET, `${SECRET} ${OTHER_SECRET}`, ` ${SECRET}\n`]) {
      expect(isCallbackSecret(text)).toBe(true);
    }
  });

  it.each([
    ["nothing", ""],
    ["no base64", "whsec_no base64 at all!!"],
    ["too short", `whsec_${randomBytes(23).toString("base64")}`],
    ["without its prefix", randomBytes(24).toString("base64")],
    ["one good and one bad", `${SECRET} whsec_`],
  ])("is not %s", (_, text) => {
    expect(isCallbackSecret(text)).toBe(false);
  });
});
