import { request } from "node:http";
import { describe, expect, test } from "vitest";
import { answering, startApp } from "./support/app.ts";
import { openService, SERVICE } from "./support/service.ts";

const TEST_MS = 60_000;

/** A sidecar with its application and its local API. */
async function begin(env: Readonly<Record<string, string>> = {}) {
  const [service, app] = await Promise.all([openService(), startApp()]);
  const sidecar = service.sidecar({ SHARDCAST_APP_URL: app.url, SHARDCAST_MEMBER: "accounts-0" });
  await sidecar.start();
  const { port } = await service.localApi(sidecar, env);
  const ask = async (method: string, path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...init });
    const text = await response.text();
    const { status, headers } = response;
    const isJson = headers.get("content-type")?.includes("json") === true;
    return { status, headers: Object.fromEntries(headers), body: isJson ? JSON.parse(text) : text };
  };
  return { service, app, sidecar, port, ask };
}

describe("the local API", { timeout: TEST_MS }, () => {
  test("sends a request to the owner of a key, and answers as he does", async () => {
    const { app, ask } = await begin({ SHARDCAST_FORWARD_HEADERS: "X-A" });
    app.answer = answering(201, { "content-type": "text/plain", "x-b": "2" }, "done");
    const headers = { "content-type": "weird", "x-a": "1", "x-c": "1", "request-timeout": "5" };
    const answer = await ask("POST", `/v1/${SERVICE}/keys/a%2Fb/deposit/now`, { body: "1", headers });
    expect(answer).toMatchObject({ status: 201, body: "done", headers: { "x-b": "2" } });
    expect(answer.headers["shardcast-request-id"]).toBe(app.asked[0]?.headers["shardcast-request-id"]);
    expect(app.asked).toMatchObject([
      {
        path: "/requests/deposit/now",
        body: "1",
        headers: { "shardcast-key": "a%2Fb", "content-type": "weird", "x-a": "1" },
      },
    ]);
    expect(app.asked[0]?.headers).not.toHaveProperty("x-c");
  });

  test("answers failures with the problem of the table", async () => {
    const { app, ask } = await begin();
    app.answer = answering(409, { "content-type": "application/json" }, '{"detail":"no","balance":3}');
    expect(await ask("POST", `/v1/${SERVICE}/keys/a`)).toMatchObject({
      status: 409,
      headers: { "content-type": "application/problem+json" },
      body: { code: "SHARDCAST_HANDLER_REFUSED", detail: "no", balance: 3 },
    });
    expect(await ask("POST", "/v1/nobody/keys/a")).toMatchObject({
      status: 404,
      body: { code: "SHARDCAST_UNKNOWN_SERVICE" },
    });
    expect(await ask("GET", `/v1/${SERVICE}/dead-letters`)).toMatchObject({
      status: 404,
      body: { code: "SHARDCAST_NOT_FOUND", detail: expect.stringContaining("gateway") },
    });
  });

  test("takes a request whose answer is asked for later, or that is cancelled", async () => {
    const { app, ask } = await begin();
    app.answer = answering(200, {}, "later");
    const path = `/v1/${SERVICE}/keys/a/deposit`;
    const taken = await ask("POST", path, { headers: { prefer: "respond-async" } });
    expect(taken).toMatchObject({ status: 202, headers: { "preference-applied": "respond-async" } });
    const location = taken.headers.location as string;
    expect(await ask("GET", `${location}?wait=20`)).toMatchObject({ status: 200, body: "later" });
    expect(await ask("DELETE", location)).toMatchObject({ status: 409 });
    expect(await ask("POST", path, { headers: { prefer: "respond-async, wait=20" } })).toMatchObject({
      status: 200,
      body: "later",
    });
    app.answer = () => {};
    // As a gateway reads it: the first of a name, what is no preference is left out.
    const prefer = "a b, wait=0.001, wait=60, respond-async";
    const stuck = await ask("POST", path, { headers: { prefer } });
    expect(stuck).toMatchObject({
      status: 202,
      headers: { "preference-applied": "wait=0.001, respond-async" },
    });
    expect(await ask("DELETE", stuck.headers.location as string)).toMatchObject({ status: 202 });
    expect(await ask("GET", `${stuck.headers.location}?wait=20`)).toMatchObject({
      status: 410,
      headers: { "shardcast-request-state": "cancelled" },
    });
  });

  test("makes repetitions one request by their idempotency key (C5)", async () => {
    const { app, ask } = await begin();
    const headers = { "idempotency-key": '"order 7"' };
    const path = `/v1/${SERVICE}/keys/a`;
    const [first, second] = [
      await ask("POST", path, { headers, body: "1" }),
      await ask("POST", path, { headers, body: "1" }),
    ];
    expect(second?.headers["shardcast-request-id"]).toBe(first?.headers["shardcast-request-id"]);
    expect(app.asked).toHaveLength(1);
    expect(await ask("POST", path, { headers, body: "2" })).toMatchObject({ status: 422 });
  });

  test("tells all members, and how each of them stands (C6)", async () => {
    const { app, ask } = await begin();
    const headers = { prefer: "wait=20" };
    const sent = await ask("POST", `/v1/${SERVICE}/broadcasts?handler=reload&ack=all&ttl=60`, {
      headers,
      body: "1",
    });
    expect(sent).toMatchObject({ status: 200, body: { verdict: "satisfied" } });
    expect(app.asked).toMatchObject([{ path: "/broadcasts/reload", body: "1" }]);
    const stands = await ask("GET", sent.headers.location as string);
    expect(stands).toMatchObject({ status: 200, body: { members: [{ member: "0", state: "acked" }] } });
  });

  test("says who owns a key, and what its own lanes are", async () => {
    const { ask, sidecar } = await begin();
    const [lane] = sidecar.lanes();
    expect(await ask("GET", `/v1/${SERVICE}/keys/a`)).toMatchObject({
      body: { lane: 0, ordinal: 0, state: "owned", member: "0", fencingToken: lane?.fencingToken },
    });
    expect(await ask("GET", "/v1/lanes")).toMatchObject({
      body: { service: SERVICE, member: "0", status: "ready", lanes: [lane] },
    });
    expect(await ask("GET", "/healthz")).toMatchObject({ status: 200 });
    expect(await ask("GET", "/readyz")).toMatchObject({ status: 200, body: { ready: true, lanes: [0] } });
  });

  test.each([
    ["POST", "keys/a", { "callback-url": "http://127.0.0.1" }, "Callback-URL"],
    ["POST", "keys/a", { delay: "5" }, "Delay"],
    ["POST", "keys/a", { "delay-until": "2030-01-31T12:00:00Z" }, "Delay-Until"],
    ["POST", "keys/a", { "ce-specversion": "1.0" }, "ce-specversion"],
    ["POST", "keys/a", { "content-type": "application/cloudevents+json" }, "Content-Type"],
    ["POST", "keys/a", { "request-timeout": "soon" }, "Request-Timeout"],
    ["POST", "keys/a", { prefer: "wait=soon" }, "Prefer"],
    ["POST", "keys/a", { "idempotency-key": "not quoted" }, "Idempotency-Key"],
    ["POST", "keys/a", { "idempotency-key": "k".repeat(256) }, "Idempotency-Key: must have 1 to 255"],
    ["POST", "keys/a", { "idempotency-key": '""' }, "Idempotency-Key: must have 1 to 255"],
    ["POST", "keys/a", { prefer: "a b, WAIT = soon" }, "Prefer: wait"],
    ["POST", "keys/a", { "shardcast-on-disconnect": "wait" }, "Shardcast-On-Disconnect"],
    ["POST", "broadcasts", { "request-timeout": "5" }, "Request-Timeout"],
    ["POST", "broadcasts", { "shardcast-on-disconnect": "cancel" }, "Shardcast-On-Disconnect"],
    ["POST", "broadcasts", { delay: "5" }, "Delay: a broadcast can not be delayed"],
    ["POST", "broadcasts", { "ce-specversion": "1.0" }, "ce-specversion"],
    ["POST", "broadcasts?ack=some", {}, "ack"],
    ["POST", "broadcasts?to=all", {}, "to"],
    ["GET", "requests/x?wait=soon", {}, "wait"],
  ])("refuses what it can not do by name: %s %s %j", async (method, path, headers, name) => {
    const { app, ask } = await begin();
    expect(await ask(method, `/v1/${SERVICE}/${path}`, { headers })).toMatchObject({
      status: 400,
      body: { code: "SHARDCAST_INVALID_REQUEST", detail: expect.stringMatching(new RegExp(`^${name}`)) },
    });
    expect(app.asked).toEqual([]);
  });

  test("refuses pages in browsers, and bodies that are too large", async () => {
    const { port, ask } = await begin({ SHARDCAST_BODY_LIMIT_BYTES: "10" });
    expect(await ask("POST", `/v1/${SERVICE}/keys/a`, { body: "x".repeat(11) })).toMatchObject({
      status: 413,
      body: { code: "SHARDCAST_BODY_TOO_LARGE" },
    });
    const status = await new Promise((resolve, reject) => {
      const sent = request({ port, host: "127.0.0.1", path: "/readyz", headers: { origin: "http://evil" } });
      sent.once("response", ({ statusCode }) => resolve(statusCode)).once("error", reject);
      sent.end();
    });
    expect(status).toBe(400);
  });

  test("has the member leave when the application is about to, and says when that is done (C3)", async () => {
    const { app, ask, service, sidecar } = await begin();
    const held: (() => void)[] = [];
    app.answer = (response) => void held.push(() => response.writeHead(204).end());
    const running = service.client.request(SERVICE, "a", "1");
    await expect.poll(() => held.length, { timeout: 20_000 }).toBe(1);
    let isDrained = false;
    const drained = ask("GET", "/drained").then((answer) => {
      isDrained = true;
      return answer;
    });
    const drain = ask("POST", "/drain");
    await expect.poll(() => sidecar.readiness().status, { timeout: 20_000 }).toBe("leaving");
    expect(isDrained).toBe(false);
    for (const answer of held) answer();
    expect(await drain).toMatchObject({ status: 200, body: { status: "left" } });
    expect(await drained).toMatchObject({ status: 200 });
    expect(await running).toMatchObject({ status: 204 });
    expect(await sidecar.ended).toEqual({ reason: "stopped" });
    expect((await ask("GET", "/v1/lanes")).body).toMatchObject({ status: "left", lanes: [] });
  });
});
