import { isShardcastError } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import type { KeySource } from "../src/index.ts";
import { resolveGatewayOptions } from "../src/options.ts";
import { startBoth } from "./support/gateway.ts";
import { type CallOptions, call, problemOf, rawConnection, rawProblem } from "./support/http.ts";

const PATH = "/v1/accounts/requests";

function tokenOf(claims: unknown): string {
  const [head, body] = [{ alg: "none" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  return `${head}.${body}.c2lnbmVk`;
}

const bearer = (claims: unknown) => ({ authorization: `Bearer ${tokenOf(claims)}` });

const SOURCES = {
  header: { from: "header", name: "x-account-id" },
  path: { from: "path", segment: 2 },
  query: { from: "query", name: "tenant" },
  json: { from: "json", pointer: "/order/accounts/1/a~1b~0" },
  jwt: { from: "jwt", claim: "sub" },
} satisfies Record<string, KeySource>;

const start = (source: keyof typeof SOURCES | undefined) =>
  startBoth(() => ({}), source === undefined ? {} : { keySources: { accounts: SOURCES[source] } });

type Case = [source: keyof typeof SOURCES, path: string, sent: CallOptions];

const orderOf = (account: unknown) => JSON.stringify({ order: { accounts: [0, { "a/b~": account }] } });

describe("POST /v1/{service}/requests", () => {
  it.each<[...Case, key: string]>([
    ["header", PATH, { headers: { "x-account-id": "42" } }, "42"],
    ["header", PATH, { headers: { "X-Account-Id": Buffer.from("é", "utf8").toString("latin1") } }, "é"],
    ["path", `${PATH}/accounts/4%2F2`, {}, "4/2"],
    ["query", `${PATH}?tenant=a%20b`, {}, "a b"],
    ["json", PATH, { body: orderOf("42") }, "42"],
    ["json", PATH, { body: orderOf(42) }, "42"],
    ["jwt", PATH, { headers: bearer({ sub: "ümit" }) }, "ümit"],
    ["jwt", PATH, { headers: { authorization: `bearer ${tokenOf({ sub: 7 })}` } }, "7"],
  ])("takes the key from its source, %s: %s %j", async (source, path, sent, key) => {
    const { gateway, worker } = await start(source);
    const answer = await call(gateway, path, sent);
    expect(answer.status).toBe(200);
    const [request] = worker.requests;
    expect(request?.key.toString()).toBe(key);
    expect(request?.body).toEqual(Buffer.from(sent.body ?? ""));
  });

  it("is on the lane of the key, as on the keys route (C1)", async () => {
    const { gateway, worker } = await start("header");
    await call(gateway, `${PATH}/deposit`, { headers: { "x-account-id": "42" } });
    await call(gateway, "/v1/accounts/keys/42/deposit");
    const lanes = worker.requests.map(({ id, handler }) => [id.slice(-4), handler]);
    expect(lanes[0]).toEqual(lanes[1]);
  });

  it.each<[...Case, named: string]>([
    ["header", PATH, {}, "header x-account-id"],
    ["header", PATH, { headers: { "x-account-id": "" } }, "header x-account-id"],
    ["path", `${PATH}/accounts`, {}, "path segment 2"],
    ["query", PATH, {}, "query parameter tenant"],
    ["query", `${PATH}?tenant=a&tenant=b`, {}, "query parameter tenant"],
    ["json", PATH, {}, "/order/accounts/1/a~1b~0"],
    ["json", PATH, { body: "{not json" }, "/order/accounts/1/a~1b~0"],
    ["json", PATH, { body: orderOf(["42"]) }, "/order/accounts/1/a~1b~0"],
    ["json", PATH, { body: orderOf("\ud800").replace("\ud800", "\\ud800") }, "/order/accounts/1/a~1b~0"],
    // These two would be one key.
    ["json", PATH, { body: orderOf(1).replace("1}", "9007199254740992}") }, "/order/accounts/1/a~1b~0"],
    ["json", PATH, { body: orderOf(1).replace("1}", "9007199254740993}") }, "/order/accounts/1/a~1b~0"],
    ["jwt", PATH, {}, "claim sub"],
    ["jwt", PATH, { headers: { authorization: "Basic YTpi" } }, "claim sub"],
    ["jwt", PATH, { headers: { authorization: "Bearer opaque" } }, "claim sub"],
    ["jwt", PATH, { headers: { authorization: "Bearer a.!.c" } }, "claim sub"],
    ["jwt", PATH, { headers: bearer({ sub: { id: 1 } }) }, "claim sub"],
    ["jwt", PATH, { headers: bearer([]) }, "claim sub"],
    ["jwt", PATH, { headers: bearer({ constructor: 1, user: "a" }) }, "claim sub"],
  ])("without a key is refused, naming the source, %s: %s %j", async (source, path, sent, named) => {
    const { gateway, worker } = await start(source);
    const problem = problemOf(await call(gateway, path, sent));
    expect(problem).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_KEY" });
    expect(problem.detail).toContain(named);
    expect(worker.requests).toEqual([]);
  });

  it("is refused where the service has no key source", async () => {
    const { gateway } = await start(undefined);
    const problem = problemOf(await call(gateway, PATH));
    expect(problem).toMatchObject({
      code: "SHARDCAST_INVALID_KEY",
      detail: expect.stringContaining("no key source"),
    });
    expect(problemOf(await call(gateway, "/v1/orders/requests")).code).toBe("SHARDCAST_UNKNOWN_SERVICE");
  });

  it.each(["header", "jwt"] as const)("refuses a key that is there twice, %s", async (source) => {
    const { gateway, worker } = await start(source);
    const { socket, text } = await rawConnection(gateway);
    const line = source === "header" ? "x-account-id: 42" : `authorization: Bearer ${tokenOf({ sub: "a" })}`;
    const other = source === "header" ? "x-account-id: 43" : `authorization: Bearer ${tokenOf({ sub: "b" })}`;
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\n${line}\r\n${other}\r\nConnection: close\r\n\r\n`);
    const { code, detail } = rawProblem(await text());
    expect(code).toBe("SHARDCAST_INVALID_REQUEST");
    expect(detail).toContain(source === "header" ? "x-account-id" : "authorization");
    expect(worker.requests).toEqual([]);
  });

  it.each<[source: keyof typeof SOURCES, path: string, header: string | undefined, handler: string]>([
    ["header", PATH, undefined, ""],
    ["header", `${PATH}/`, undefined, ""],
    ["header", `${PATH}/deposit`, undefined, "deposit"],
    ["header", `${PATH}/a/b%20c?x=/y`, undefined, "a/b c"],
    ["header", `${PATH}?handler=deposit`, undefined, "deposit"],
    ["header", `${PATH}/c?handler=b`, "a", "a"],
    ["header", `${PATH}/c?handler=b`, undefined, "b"],
    ["path", `${PATH}/accounts/42/deposit`, undefined, "accounts/deposit"],
    ["path", `${PATH}/accounts/42`, undefined, "accounts"],
  ])("goes to the handler that is named, %s: %s with header %j", async (source, path, header, handler) => {
    const { gateway, worker } = await start(source);
    const named = header === undefined ? {} : { "shardcast-handler": header };
    const answer = await call(gateway, path, { headers: { "x-account-id": "42", ...named } });
    expect(answer.status).toBe(200);
    expect(worker.requests[0]?.handler).toBe(handler);
  });

  it("refuses a handler that is named twice", async () => {
    const { gateway } = await start("header");
    const sent = { headers: { "x-account-id": "42" } };
    const problem = problemOf(await call(gateway, `${PATH}?handler=a&handler=b`, sent));
    expect(problem).toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      detail: expect.stringContaining("handler"),
    });
  });

  it("does what the keys route does: its answer may be had later (C3), its outcome is kept (C5)", async () => {
    const { gateway, worker } = await start("header");
    const headers = { "x-account-id": "42", prefer: "respond-async", "idempotency-key": '"once"' };
    const first = await call(gateway, PATH, { headers });
    expect(first.status).toBe(202);
    const end = await call(gateway, `${first.headers.location}?wait=30`, { method: "GET" });
    expect(end.headers["shardcast-request-state"]).toBe("replied");
    const again = await call(gateway, PATH, { headers });
    expect(again.headers["shardcast-request-id"]).toBe(first.headers["shardcast-request-id"]);
    expect(worker.requests[0]?.recording).toBe("progress");
  });
});

describe("key sources", () => {
  const services = "accounts=3,orders=3,tenants=3,users=3,docs=3";
  const text =
    "accounts=header:X-Account-Id, orders=json:/order/accountId,tenants=query:tenant,users=jwt:sub,docs=path:2";
  const parsed = {
    accounts: { from: "header", name: "x-account-id" },
    orders: { from: "json", pointer: "/order/accountId" },
    tenants: { from: "query", name: "tenant" },
    users: { from: "jwt", claim: "sub" },
    docs: { from: "path", segment: 2 },
  };

  it("are read as text, and as a record", () => {
    const { keySources } = resolveGatewayOptions(
      {},
      { SHARDCAST_SERVICES: services, SHARDCAST_KEY_SOURCES: text },
    );
    expect(keySources).toEqual(parsed);
    expect(resolveGatewayOptions({ services, keySources }, {}).keySources).toEqual(parsed);
  });

  it.each([
    ["accounts=biscuit:a", '"accounts=biscuit:a"'],
    ["accounts", '"accounts"'],
    ["accounts=header:a b", "not the name of a header"],
    ["orders=json:order", "not a JSON pointer"],
    ["orders=json:/a~2", "not a JSON pointer"],
    ["docs=path:0", "keySources.docs.segment"],
    ["docs=path:two", "keySources.docs.segment"],
    ["accounts=query:a,accounts=query:b", "accounts is named twice"],
    ["Accounts=query:a", "keySources.Accounts"],
    ["bills=query:a", "keySources.bills"],
  ])("refuses %s", (keySources, named) => {
    let faults: unknown;
    try {
      resolveGatewayOptions({ services, keySources }, {});
    } catch (error) {
      faults = isShardcastError(error) && error.extensions.faults;
    }
    expect(String(faults)).toContain(named);
    expect(String(faults)).toContain("SHARDCAST_KEY_SOURCES");
  });
});
