import { describe, expect, it } from "vitest";
import { call, problemOf } from "../support/http.ts";
import { echoAs, type Owner, seenIn, startOwner } from "./support/owner.ts";
import { at, GET, startProxying } from "./support/stage.ts";

/** Breaks the connection of the first requests, before a byte of an answer. */
async function breaking(times: number): Promise<Owner> {
  let left = times;
  return startOwner("owner", (request, response) => {
    if (left-- > 0) request.socket.destroy();
    else echoAs("owner")(request, response);
  });
}

describe("a request whose connection breaks before any answer", () => {
  it.each(["GET", "OPTIONS", "DELETE"])("is sent again once, when it is a %s", async (method) => {
    const { gateway, members } = await startProxying();
    const owner = await breaking(1);
    await members.own("2", owner.url);
    expect(seenIn(await call(gateway, at("/x"), { method })).method).toBe(method);
    expect(owner.requests.length).toBe(2);
  });

  it("is not sent a third time", async () => {
    const { gateway, members } = await startProxying();
    const owner = await breaking(9);
    await members.own("2", owner.url);
    const problem = problemOf(await call(gateway, at("/x"), GET));
    expect([problem.status, problem.code]).toEqual([502, "SHARDCAST_UPSTREAM_FAILED"]);
    expect(owner.requests.length).toBe(2);
  });

  it.each([
    ["POST", "x"],
    ["POST", ""],
    ["PATCH", "x"],
    ["PUT", "a body that is gone"],
  ])("is never sent again when it is a %s with %j: the owner may have seen it", async (method, body) => {
    const { gateway, members } = await startProxying();
    const owner = await breaking(1);
    await members.own("2", owner.url);
    const problem = problemOf(await call(gateway, at("/x"), { method, body }));
    expect([problem.status, problem.code, problem.retryable]).toEqual([
      502,
      "SHARDCAST_UPSTREAM_FAILED",
      false,
    ]);
    expect(owner.requests.length).toBe(1);
  });

  it("is 504 when the owner takes it and says nothing, and is not sent again", async () => {
    const { gateway, members } = await startProxying({ proxyTimeoutMs: 100 });
    const owner = await startOwner("mute", () => {});
    await members.own("2", owner.url);
    const problem = problemOf(await call(gateway, at("/x"), GET));
    expect([problem.status, problem.code]).toEqual([504, "SHARDCAST_UPSTREAM_TIMEOUT"]);
    expect(owner.requests.length).toBe(1);
  });

  it("is cut, and not completed, when the answer breaks off in the middle", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("half", (_request, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("half", () => response.destroy());
    });
    await members.own("2", owner.url);
    await expect(call(gateway, at("/x"), GET)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    expect(owner.requests.length).toBe(1);
  });
});
