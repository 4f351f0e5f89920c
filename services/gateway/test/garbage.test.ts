import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { answerClientError } from "../src/client-error.ts";
import { startBoth } from "./support/gateway.ts";
import { call, rawConnection, rawProblem } from "./support/http.ts";

describe("bytes that are not a request", () => {
  it.each([
    ["noise", "\u0000\u0001\u0002 garbage\r\n\r\n", 400],
    ["TLS to a plain port", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000", 400],
    ["no version, as in HTTP/0.9", "GET /\r\n\r\n", 404],
    ["bad header", "GET / HTTP/1.1\r\nHost: x\r\nbad header: 1\r\n\r\n", 400],
    ["two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
    [
      "length and chunks",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
    ],
    ["no host", "POST /v1/accounts/keys/1 HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    ["bad escape", "POST /v1/accounts/keys/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400],
    [
      "bad chunk",
      "POST /v1/accounts/keys/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      400,
    ],
    ["odd method", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["absolute path", "GET http://x/nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404],
    ["odd expectation", "GET /nowhere HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n", 404],
    ["header overflow", `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    ["URL overflow", `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
  ])("%s is answered with a problem, and the server goes on", async (_what, bytes, status) => {
    const { gateway } = await startBoth(() => ({}));
    const { socket, text } = await rawConnection(gateway);
    socket.write(Buffer.from(bytes, "latin1"));
    const answer = await text();
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(rawProblem(answer).status).toBe(status);
    expect((await call(gateway, "/v1/accounts/keys/1")).status).toBe(200);
    expect(gateway.pending).toBe(0);
  });

  it("an upgrade is not offered, the request is served", async () => {
    const { gateway } = await startBoth(() => ({}));
    const headers = { connection: "Upgrade", upgrade: "websocket" };
    expect((await call(gateway, "/v1/accounts/keys/1", { headers })).status).toBe(200);
  });
});

describe("answerClientError", () => {
  it("says 408 to who is too slow", () => {
    const socket = new PassThrough();
    answerClientError(
      Object.assign(new Error("slow"), { code: "ERR_HTTP_REQUEST_TIMEOUT" }),
      socket as never,
    );
    const answer = String(socket.read());
    expect(answer).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
    expect(rawProblem(answer)).toMatchObject({ status: 408, code: "SHARDCAST_REQUEST_TIMEOUT" });
  });

  it("says nothing into a reset connection", () => {
    const socket = new PassThrough();
    answerClientError(Object.assign(new Error("gone"), { code: "ECONNRESET" }), socket as never);
    expect(socket.read()).toBeNull();
    expect(socket.destroyed).toBe(true);
  });
});
