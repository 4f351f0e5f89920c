import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { LANES, recordingLogger, startBoth } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

describe("POST /v1/{service}/keys/{key}", () => {
  it("answers with the worker's status, headers, content type and bytes", async () => {
    const { gateway, worker } = await startBoth(() => ({
      status: 201,
      contentType: "image/x-odd; a=b",
      headers: { "x-balance": "7", "set-cookie": "a=b", location: "/somewhere" },
      body: everyByte,
    }));
    const answer = await call(gateway, "/v1/accounts/keys/42");
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({
      "content-type": "image/x-odd; a=b",
      "x-balance": "7",
      "set-cookie": ["a=b"],
      location: "/somewhere",
      "content-length": "256",
    });
    expect(answer.body.equals(everyByte)).toBe(true);
    expect(answer.headers["shardcast-request-id"]).toBe(worker.requests[0]?.id);
    expect(gateway.pending).toBe(0);
  });

  it.each([
    ["application/json", "{not json"],
    ["application/json", ""],
    ["text/plain; charset=utf-16", everyByte],
    ["not a media type", everyByte],
    ["", everyByte],
    ["multipart/form-data; boundary=x", everyByte],
    [undefined, everyByte],
    [undefined, ""],
  ])("takes a body of type %j untouched", async (contentType, body) => {
    const { gateway, worker } = await startBoth((request) => ({ body: request.body }));
    const headers = contentType === undefined ? {} : { "content-type": contentType };
    const answer = await call(gateway, "/v1/accounts/keys/42", { headers, body });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(Buffer.from(body));
    expect(worker.requests[0]?.body).toEqual(Buffer.from(body));
    expect(worker.requests[0]?.contentType).toBe(contentType);
  });

  it("takes a chunked body", async () => {
    const { gateway } = await startBoth((request) => ({ body: request.body }));
    const answer = await call(gateway, "/v1/accounts/keys/42", {
      headers: { "transfer-encoding": "chunked" },
      body: everyByte,
    });
    expect(answer.body.equals(everyByte)).toBe(true);
  });

  it.each([
    ["42", "42"],
    ["a%2Fb", "a/b"],
    ["a%2fb%3Fc%23d%20e%25", "a/b?c#d e%"],
    ["%E2%82%AC%F0%9F%92%B6", "€💶"],
    ["a;b=c:d@e", "a;b=c:d@e"],
    ["__proto__", "__proto__"],
  ])("reads key %s as %s", async (path, key) => {
    const { gateway, worker } = await startBoth(() => ({}));
    const answer = await call(gateway, `/v1/accounts/keys/${path}`);
    expect(answer.status).toBe(200);
    expect(worker.requests[0]?.key.toString()).toBe(key);
  });

  it("takes a key of 4,096 bytes, each percent-encoded", async () => {
    const { gateway, worker } = await startBoth(() => ({}));
    expect((await call(gateway, `/v1/accounts/keys/${"%C3%A4".repeat(2048)}`)).status).toBe(200);
    expect(worker.requests[0]?.key.toString()).toBe("ä".repeat(2048));
  });

  it("puts the request on the key's lane", async () => {
    const { gateway, cluster } = await startBoth(() => ({}));
    await call(gateway, "/v1/accounts/keys/42");
    const ends = Array.from(
      { length: LANES },
      (_, lane) => cluster.partition("accounts.requests", lane)?.end,
    );
    expect(ends.indexOf(1)).toBe(murmur2Lane("42", LANES));
  });

  it.each([
    ["42", ""],
    ["42/", ""],
    ["42/deposit", "deposit"],
    ["42/a/b/c", "a/b/c"],
    ["42/a%2Fb/%E2%82%AC", "a/b/€"],
    ["a%2Fb/keys/c", "keys/c"],
  ])("finds the handler of %s", async (path, handler) => {
    const { gateway, worker } = await startBoth(() => ({}));
    expect((await call(gateway, `/v1/accounts/keys/${path}?query=ignored`)).status).toBe(200);
    expect(worker.requests[0]?.handler).toBe(handler);
  });

  it.each([204, 205, 304])("sends no body with %i", async (status) => {
    const { gateway } = await startBoth(() => ({ status, body: everyByte, headers: { etag: '"1"' } }));
    const answer = await call(gateway, "/v1/accounts/keys/42");
    expect(answer.status).toBe(status);
    expect(answer.body.length).toBe(0);
    expect(answer.headers.etag).toBe('"1"');
  });

  it("drops what a handler may not set, and sends the rest", async () => {
    const { logger, lines } = recordingLogger();
    const { gateway } = await startBoth(
      () => ({
        contentType: "text/plain\r\nx-injected: 1",
        headers: {
          connection: "close, x-good",
          "transfer-encoding": "chunked",
          "content-length": "1",
          date: "yesterday",
          "keep-alive": "timeout=1",
          "shardcast-request-id": "stolen",
          "bad name": "x",
          "x-split": "a\r\nx-injected: 1",
          "x-wide": "€",
          "x-good": "ä\t~",
        },
        body: everyByte,
      }),
      { logger },
    );
    const answer = await call(gateway, "/v1/accounts/keys/42");
    expect(answer.status).toBe(200);
    expect(answer.body.equals(everyByte)).toBe(true);
    expect(answer.headers).toMatchObject({ "x-good": "ä\t~", "content-length": "256" });
    expect(answer.headers["shardcast-request-id"]).not.toBe("stolen");
    expect(answer.headers.date).not.toBe("yesterday");
    for (const name of ["x-split", "x-wide", "x-injected", "transfer-encoding", "bad name"]) {
      expect(answer.headers).not.toHaveProperty(name);
    }
    const warned = lines.filter((line) => line.level === 40).map((line) => line.header);
    expect(warned.sort()).toEqual(["bad name", "content-type", "x-split", "x-wide"]);
  });

  it("passes traceparent on when it is one", async () => {
    const { gateway, worker } = await startBoth(() => ({}));
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await call(gateway, "/v1/accounts/keys/1", { headers: { traceparent } });
    await call(gateway, "/v1/accounts/keys/1", { headers: { traceparent: "garbage" } });
    expect(worker.requests.map((request) => request.traceparent)).toEqual([traceparent, undefined]);
  });

  it("forwards no header unless told to", async () => {
    const headers = { authorization: "Bearer secret", cookie: "a=b", "x-tenant": "t1" };
    const first = await startBoth(() => ({}));
    await call(first.gateway, "/v1/accounts/keys/1", { headers });
    expect(first.worker.requests[0]?.headers).toEqual({});
    const second = await startBoth(() => ({}), { forwardHeaders: ["X-Tenant", "x-absent"] });
    await call(second.gateway, "/v1/accounts/keys/1", { headers });
    expect(second.worker.requests[0]?.headers).toEqual({ "x-tenant": "t1" });
  });

  it.each([
    ["/v1/accounts/keys/", "SHARDCAST_INVALID_KEY"],
    ["/v1/accounts/keys//handler", "SHARDCAST_INVALID_KEY"],
    ["/v1/accounts/keys/%zz", "SHARDCAST_INVALID_REQUEST"],
    ["/v1/accounts/keys/%ff", "SHARDCAST_INVALID_REQUEST"],
    ["/v1/accounts/keys/%C3", "SHARDCAST_INVALID_REQUEST"],
    ["/v1/accounts/keys/1/%zz", "SHARDCAST_INVALID_REQUEST"],
    ["/v1/accounts/keys/1/a%00b", "SHARDCAST_INVALID_REQUEST"],
  ])("refuses %s", async (path, code) => {
    const { gateway, worker } = await startBoth(() => ({}));
    const answer = await call(gateway, path);
    expect(problemOf(answer)).toMatchObject({ status: 400, code });
    expect(worker.requests).toEqual([]);
  });

  it("refuses a key over 4,096 bytes and a handler over 255 characters", async () => {
    const { gateway } = await startBoth(() => ({}));
    const key = await call(gateway, `/v1/accounts/keys/${"a".repeat(4097)}`);
    expect(problemOf(key)).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_KEY" });
    const handler = await call(gateway, `/v1/accounts/keys/1/${"h".repeat(256)}`);
    expect(problemOf(handler)).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
  });

  it("refuses a key that the strategy does not take", async () => {
    const { gateway } = await startBoth(() => ({}), { services: "accounts=3:modulo" });
    expect((await call(gateway, "/v1/accounts/keys/7")).status).toBe(200);
    expect(problemOf(await call(gateway, "/v1/accounts/keys/seven"))).toMatchObject({
      status: 400,
      code: "SHARDCAST_INVALID_KEY",
    });
  });
});
