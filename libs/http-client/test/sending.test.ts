import { describe, expect, test } from "vitest";
import { connectHttp } from "../src/index.ts";
import { failure } from "./behaviour.ts";
import { answer, ended, fakeGateway, handled, unreachable } from "./support/fake-gateway.ts";

const ACCEPTED = { "shardcast-request-id": "id-1", "content-type": "application/json" };

describe("what is sent", () => {
  test("says in headers how the request is wanted", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(handled("done"));
    await client.request("accounts", "carol", "text", {
      timeoutMs: 1_250,
      idempotencyKey: 'a "b" \\',
      notBeforeMs: Date.UTC(2030, 0, 31, 12, 0, 0, 5),
      callbackUrl: "https://told.example/straße?a=1",
      cancelOnAbort: true,
      headers: { "x-note": "ä" },
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });
    expect(Object.fromEntries(sent[0]?.headers ?? [])).toMatchObject({
      "request-timeout": expect.stringMatching(/^1\.2[345]\d?$/),
      "idempotency-key": '"a \\"b\\" \\\\"',
      "delay-until": "2030-01-31T12:00:00.005Z",
      "callback-url": "https://told.example/stra%C3%9Fe?a=1",
      "shardcast-on-disconnect": "cancel",
      "x-note": "ä",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });
    expect(sent[0]).toMatchObject({ method: "POST", path: "/v1/accounts/keys/carol", redirect: "manual" });
  });

  test.each([
    ["without a wait", {}, "respond-async", null],
    ["with a wait", { waitMs: 1_500 }, "wait=1.5", null],
    ["with a deadline of its own", { waitMs: 1, timeoutMs: 86_400_000 }, "wait=0.001", "86400"],
  ])("of what is submitted %s says so", async (_, options, prefer, timeout) => {
    const { client, sent, plan } = fakeGateway();
    plan(answer(202, { id: "id-1" }, { ...ACCEPTED, "preference-applied": prefer }));
    expect(await client.submit("accounts", "carol", {}, options)).toEqual({ id: "id-1" });
    expect(sent[0]?.headers.get("prefer")).toBe(prefer);
    expect(sent[0]?.headers.get("request-timeout")).toBe(timeout);
  });

  test("has each part of the path in its place, whatever it is", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(handled(""), handled(""), ended(""));
    await client.request("accounts", "a/b?c#d %", "", { handler: "x/y z/../?" }).catch(() => {});
    await client.request("accounts", "a/b?c#d %", "", { handler: "x//y z/" });
    await client.request("a/b", "..%2f");
    await client.result("accounts", "a/b?wait=1");
    expect(sent.map(({ path }) => path)).toEqual([
      "/v1/accounts/keys/a%2Fb%3Fc%23d%20%25/x//y%20z/",
      "/v1/a%2Fb/keys/..%252f",
      "/v1/accounts/requests/a%2Fb%3Fwait%3D1",
    ]);
  });

  test("has the headers of the client, unless the request has its own", async () => {
    const { client, sent, plan } = fakeGateway({ headers: { Authorization: "Bearer 1", "x-note": "all" } });
    plan(handled(""), unreachable);
    await client.request("accounts", "carol", "", { headers: { "x-note": "mine" } });
    await failure(client.owner("accounts", "carol"));
    expect(sent.map(({ headers }) => [headers.get("authorization"), headers.get("x-note")])).toEqual([
      ["Bearer 1", "mine"],
      ["Bearer 1", "all"],
    ]);
  });
});

describe("what can not be sent", () => {
  test.each<[string, () => Promise<unknown>, RegExp]>([
    ["a key that is a step", () => fakeGateway().client.request("a", ".."), /^key: /],
    ["a key that is no text", () => fakeGateway().client.owner("a", new Uint8Array([0xff])), /^key: .*UTF-8/],
  ])("is refused as a key: %s", async (_, call, message) => {
    expect(await failure(call())).toMatchObject({
      code: "SHARDCAST_INVALID_KEY",
      message: expect.stringMatching(message),
    });
  });

  test.each<[string, object, RegExp]>([
    ["a step in the handler's name", { handler: "a/../b" }, /^handler: /],
    ["a header that the gateway takes for its own", { headers: { prefer: "x" } }, /"prefer"/],
    ["a header with our prefix", { headers: { "shardcast-on-disconnect": "x" } }, /"shardcast-on-/],
    ["a header of other characters", { headers: { "x-note": "漢" } }, /"x-note"/],
    ["a header of two lines", { headers: { "x-note": "a\r\nb" } }, /"x-note"/],
    ["a content type of other characters", { contentType: "漢" }, /^contentType: /],
    ["a trace of two lines", { traceparent: "a\nb" }, /^traceparent: /],
    ["an idempotency key of other characters", { idempotencyKey: "漢" }, /^idempotencyKey: /],
    ["a callback that is no URL", { callbackUrl: "told.example" }, /^callbackUrl: /],
    ["a callback that is no HTTP", { callbackUrl: "file:///etc" }, /^callbackUrl: /],
    ["a time beyond all dates", { notBeforeMs: Number.MAX_SAFE_INTEGER }, /^notBeforeMs: /],
    ["a time that is longer than a timer's", { timeoutMs: 2 ** 31 }, /^timeoutMs: /],
  ])("is refused: %s", async (_, options, message) => {
    const { client, sent } = fakeGateway();
    const error = await failure(client.request("accounts", "carol", "", options));
    expect(error).toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      message: expect.stringMatching(message),
    });
    expect(sent).toHaveLength(0);
  });

  test.each<[string, Parameters<typeof connectHttp>[0], RegExp]>([
    ["no URL", { url: "gateway" }, /^url: /],
    ["another protocol", { url: "ftp://gateway" }, /^url: /],
    ["credentials", { url: "http://me:secret@gateway" }, /^url: (?!.*secret)/],
    ["a query", { url: "http://gateway?a" }, /^url: /],
    ["a header of two lines", { url: "http://gateway", headers: { a: "b\nc" } }, /^headers: /],
    ["a pause of nothing", { url: "http://gateway", retry: { minMs: 0 } }, /^retry\.minMs: /],
    ["a pause of a day", { url: "http://gateway", retry: { maxMs: 86_400_000 } }, /^retry\.maxMs: /],
  ])("is refused when it connects: %s", async (_, options, message) => {
    const error = await failure((async () => connectHttp(options))());
    expect(error).toMatchObject({
      code: "SHARDCAST_INVALID_CONFIG",
      message: expect.stringMatching(message),
    });
  });
});
