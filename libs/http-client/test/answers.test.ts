import { describe, expect, test } from "vitest";
import type { EndedStatus } from "../src/index.ts";
import { failure } from "./behaviour.ts";
import { answer, fakeGateway, handled, problem, type Step, unreachable } from "./support/fake-gateway.ts";

const PROBLEM = { "content-type": "application/problem+json" };

describe("an answer", () => {
  test("has the handler's headers, and none of the gateway's or the connection's", async () => {
    const { client, plan } = fakeGateway();
    plan(
      handled("done", {
        "x-mine": "1",
        connection: "keep-alive",
        "content-encoding": "identity",
        "content-length": "4",
        date: "Sun, 06 Nov 1994 08:49:37 GMT",
        "shardcast-kept-for": "86400",
      }),
    );
    const { headers, contentType } = await client.request("accounts", "carol");
    expect(headers).toEqual({ "x-mine": "1" });
    expect(contentType).toBe("text/plain");
  });

  test("of 202 is the gateway's only where it says what it applied, and the request's id", async () => {
    const { client, plan } = fakeGateway();
    const headers = { "shardcast-request-id": "id-1", "content-type": "application/json" };
    const applied = { ...headers, "preference-applied": "respond-async" };
    plan(answer(202, { id: "id-1" }, headers), answer(202, { id: "mine" }, applied));
    for (let round = 0; round < 2; round++) {
      const { reply } = await client.submit("accounts", "carol", {}, { waitMs: 1 });
      expect(reply?.status).toBe(202);
    }
  });

  test("that is a handler's own problem is no error", async () => {
    const { client, plan } = fakeGateway();
    plan(answer(409, { code: "MINE" }, { ...PROBLEM, "shardcast-request-id": "id-1" }));
    expect((await client.request("accounts", "carol")).status).toBe(409);
  });
});

describe("a problem", () => {
  test("is thrown as it was, with the request it is about", async () => {
    const { client, plan } = fakeGateway();
    plan(problem("SHARDCAST_HANDLER_REFUSED", { "shardcast-request-id": "id-1" }, { limit: 3 }));
    expect(await failure(client.request("accounts", "carol"))).toMatchObject({
      code: "SHARDCAST_HANDLER_REFUSED",
      message: "why SHARDCAST_HANDLER_REFUSED",
      status: 422,
      retryable: false,
      extensions: { limit: 3, requestId: "id-1" },
    });
  });

  test("with a code that is newer than this client is no answer of a handler", async () => {
    const document = { type: "urn:shardcast:problem:SHARDCAST_NEW", code: "SHARDCAST_NEW", detail: "so new" };
    const { client, plan } = fakeGateway();
    plan(answer(409, document, { ...PROBLEM, "shardcast-request-id": "id-1" }));
    expect(await failure(client.request("accounts", "carol"))).toMatchObject({
      code: "SHARDCAST_UNSUPPORTED_VERSION",
      message: "SHARDCAST_NEW: so new",
      status: 409,
      extensions: { requestId: "id-1" },
    });
  });

  test("that is how a request ended is told, not thrown", async () => {
    const { client, plan } = fakeGateway();
    plan(problem("SHARDCAST_CANCELLED", { "shardcast-request-state": "cancelled" }));
    const status = (await client.result("accounts", "id-1")) as EndedStatus;
    expect(status).toMatchObject({ state: "ended", end: "cancelled", id: "id-1", status: 410 });
    expect(status.error?.code).toBe("SHARDCAST_CANCELLED");
  });
});

describe("an answer that is not a gateway's", () => {
  const strangers: [string, Step, string, number][] = [
    ["a connection that fails", unreachable, "SHARDCAST_LOG_UNAVAILABLE", 503],
    ["a proxy without a gateway", answer(502, "<h1>Bad gateway"), "SHARDCAST_LOG_UNAVAILABLE", 502],
    ["a proxy that is busy", answer(429, "slow down"), "SHARDCAST_LOG_UNAVAILABLE", 429],
    ["a proxy that wants a login", answer(401, "who are you?"), "SHARDCAST_LOG_REFUSED", 401],
    ["a redirection to a login", answer(302, null, { location: "/login" }), "SHARDCAST_LOG_REFUSED", 503],
    ["a page", answer(200, "<h1>Welcome"), "SHARDCAST_LOG_REFUSED", 503],
    [
      "another's JSON",
      answer(200, [1], { "content-type": "application/json" }),
      "SHARDCAST_LOG_REFUSED",
      503,
    ],
    ["nothing", answer(204, null), "SHARDCAST_LOG_REFUSED", 503],
    ["a problem of somebody's", answer(404, { title: "no" }, PROBLEM), "SHARDCAST_LOG_REFUSED", 404],
    ["a problem that is none", answer(404, "{", PROBLEM), "SHARDCAST_LOG_REFUSED", 404],
  ];
  test.each(strangers)("fails whatever was asked: %s", async (_, step, code, status) => {
    const { client, plan } = fakeGateway();
    for (const ask of [
      () => client.request("accounts", "carol"),
      () => client.submit("accounts", "carol"),
      () => client.result("accounts", "id-1"),
      () => client.cancel("accounts", "id-1"),
      () => client.owner("accounts", "carol"),
      () => client.shards("accounts"),
    ]) {
      plan(step);
      expect(await failure(ask())).toMatchObject({ code, status });
    }
  });

  test("fails when it breaks off", async () => {
    const { client, plan } = fakeGateway();
    plan(() => {
      const broken = new ReadableStream({
        pull: (controller) => controller.error(new TypeError("terminated")),
      });
      return new Response(broken, { headers: { "shardcast-request-id": "id-1" } });
    });
    expect((await failure(client.request("accounts", "carol"))).code).toBe("SHARDCAST_LOG_UNAVAILABLE");
  });
});
