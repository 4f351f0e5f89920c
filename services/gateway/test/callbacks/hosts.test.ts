import { describe, expect, it } from "vitest";
import { assertCallbackUrl } from "../../src/callbacks/callback-url.ts";
import { isListed, parseHostRule } from "../../src/callbacks/hosts.ts";

describe("an entry of the list of hosts", () => {
  it.each([
    ["api.example.com", { host: "api.example.com", below: false }],
    ["API.Example.com:8443", { host: "api.example.com", below: false, port: 8443 }],
    ["*.example.com", { host: "example.com", below: true }],
    ["*.example.com:80", { host: "example.com", below: true, port: 80 }],
    ["bücher.example", { host: "xn--bcher-kva.example", below: false }],
    ["127.0.0.1:9000", { host: "127.0.0.1", below: false, port: 9000 }],
    ["[::1]:9000", { host: "[::1]", below: false, port: 9000 }],
  ])("%s is one", (entry, rule) => {
    expect(parseHostRule(entry)).toEqual(rule);
  });

  it.each([
    "",
    "*",
    "*.",
    "api.*.com",
    "a*.example.com",
    "https://api.example.com",
    "api.example.com/hook",
    "me@api.example.com",
    "api.example.com:0",
    "api.example.com:65536",
    "api.example.com:80:80",
    "two names",
    "api.example.com?",
    "a%2fb",
    "::1",
  ])("%j is none", (entry) => {
    expect(parseHostRule(entry)).toBeUndefined();
  });

  it.each([
    ["api.example.com", "https://api.example.com/hook?a=b", true],
    ["api.example.com", "http://api.example.com:80/", true],
    ["api.example.com", "https://API.EXAMPLE.COM", true],
    ["api.example.com", "https://api.example.com:8443/", false],
    ["api.example.com", "https://evil-api.example.com/", false],
    ["api.example.com", "https://api.example.com.evil.com/", false],
    ["api.example.com", "https://example.com/api.example.com", false],
    ["api.example.com:443", "https://api.example.com/", true],
    ["api.example.com:443", "http://api.example.com/", false],
    ["api.example.com:80", "http://api.example.com/", true],
    ["api.example.com:8443", "https://api.example.com:8443/", true],
    ["*.example.com", "https://a.b.example.com/", true],
    ["*.example.com", "https://example.com/", false],
    ["*.example.com", "https://notexample.com/", false],
    ["*.example.com", "https://a.example.com:8443/", false],
    ["*.example.com:8443", "https://a.example.com:8443/", true],
  ])("%s: may %s be called? %s", (entry, url, expected) => {
    const rule = parseHostRule(entry);
    expect(rule && isListed(new URL(url), [rule])).toBe(expected);
  });
});

describe("at the door, a URL to call back", () => {
  const rules = { callbackHosts: ["api.example.com", "127.0.0.1", "[::1]"], callbackAllowPrivate: false };
  const refusal = (text: string, changes: Partial<typeof rules> = {}) => {
    try {
      assertCallbackUrl(text, { ...rules, ...changes });
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it("is taken where its host is listed", () => {
    expect(assertCallbackUrl("https://api.example.com/hook", rules).href).toBe(
      "https://api.example.com/hook",
    );
    expect(refusal("http://127.0.0.1/", { callbackAllowPrivate: true })).toBeUndefined();
  });

  it.each([
    ["no URL", "api.example.com", /an http\(s\) URL/],
    ["another scheme", "ftp://api.example.com/", /an http\(s\) URL/],
    ["over 2,048 characters", `https://api.example.com/${"p".repeat(2_025)}`, /2,048/],
    ["with a password", "https://:secret@api.example.com/", /a user or a password/],
    ["with a user", "https://user@api.example.com/", /a user or a password/],
    ["of a host that is not listed", "https://evil.example.com/", /evil.example.com is not a host/],
    ["to loopback", "http://127.0.0.1/", /not an address of the Internet/],
    ["to loopback in decimal", "http://2130706433/", /not an address of the Internet/],
    ["to loopback in hex", "http://0x7f000001/", /not an address of the Internet/],
    ["to loopback in octal", "http://0177.0.0.1/", /not an address of the Internet/],
    ["to loopback, shortened", "http://127.1/", /not an address of the Internet/],
    ["to loopback in fullwidth digits", "http://127。0。0。1/", /not an address of the Internet/],
    ["to loopback in IPv6", "http://[0:0:0:0:0:0:0:1]/", /not an address of the Internet/],
  ])("%s is refused, naming the header", (_, text, why) => {
    expect(refusal(text)).toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      message: expect.stringMatching(why),
    });
    expect(refusal(text)).toMatchObject({ message: expect.stringMatching(/^Callback-URL: /) });
  });

  it("is refused by a gateway that has no list, whatever it is", () => {
    expect(refusal("https://api.example.com/", { callbackHosts: [] })).toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      message: "Callback-URL: this gateway calls nobody back",
    });
  });
});
