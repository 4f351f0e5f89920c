import { describe, expect, it } from "vitest";
import { ProxyPolicy } from "../../src/proxy/policy.ts";
import { call, problemOf, rawConnection, rawProblem } from "../support/http.ts";
import { seenIn, startOwner } from "./support/owner.ts";
import { at, GET, startProxying } from "./support/stage.ts";

/** Sends bytes as they are; all that was answered. */
async function raw(gateway: Parameters<typeof call>[0], head: string): Promise<string> {
  const { socket, text } = await rawConnection(gateway);
  socket.end(head);
  return text();
}

describe("nobody makes an open proxy of it", () => {
  it.each([
    ["a target with a host", "GET http://evil.test/v1/accounts/proxy/carol/x HTTP/1.1"],
    ["a target with our host", "GET http://x/v1/accounts/proxy/carol/x HTTP/1.1"],
    ["dots", "GET /v1/accounts/proxy/carol/a/../../b HTTP/1.1"],
    ["a dot", "GET /v1/accounts/proxy/carol/./b HTTP/1.1"],
    ["encoded dots", "GET /v1/accounts/proxy/carol/a/%2e%2E/b HTTP/1.1"],
    ["dots behind an encoded slash", "GET /v1/accounts/proxy/carol/a%2f..%2fb HTTP/1.1"],
    ["dots at the end", "GET /v1/accounts/proxy/carol/.. HTTP/1.1"],
    ["a backslash", "GET /v1/accounts/proxy/carol/a\\b HTTP/1.1"],
    ["dots behind an encoded backslash", "GET /v1/accounts/proxy/carol/a%5c..%5cb HTTP/1.1"],
    ["an encoded line end", "GET /v1/accounts/proxy/carol/a%0d%0aHost:%20evil HTTP/1.1"],
    ["an encoded zero", "GET /v1/accounts/proxy/carol/a%00b HTTP/1.1"],
    ["a fragment", "GET /v1/accounts/proxy/carol/x#y HTTP/1.1"],
    ["a fragment behind a query", "GET /v1/accounts/proxy/carol/x?y#z HTTP/1.1"],
    ["a body with a GET", "GET /v1/accounts/proxy/carol/x HTTP/1.1\r\ncontent-length: 3"],
    ["two lengths", "POST /v1/accounts/proxy/carol/x HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4"],
    [
      "length and chunks",
      "POST /v1/accounts/proxy/carol/x HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked",
    ],
    ["odd chunks", "POST /v1/accounts/proxy/carol/x HTTP/1.1\r\ntransfer-encoding: xchunked"],
  ])("%s is refused with 400, and nothing reaches the owner", async (_, head) => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    await members.own("2", owner.url);
    // No byte more than belongs to it, or those would be what is refused.
    const body = head.includes("content-length") || head.startsWith("POST") ? "abc" : "";
    const text = await raw(gateway, `${head}\r\nhost: x\r\n\r\n${body}`);
    expect(rawProblem(text)).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
    expect(owner.requests).toEqual([]);
  });

  it.each([
    ["//evil.test/x", "//evil.test/x"],
    ["/@evil.test/x", "/@evil.test/x"],
    ["/http://evil.test/", "/http://evil.test/"],
    ["/a%2Fb", "/a%2Fb"],
    ["?u=http://evil.test/../x", "/?u=http://evil.test/../x"],
  ])("%s is a path of the owner, and of nobody else", async (rest, url) => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    await members.own("2", owner.url);
    const seen = seenIn(await call(gateway, at(rest), { ...GET, headers: { host: "evil.test" } }));
    expect([seen.url, seen.headers.host]).toEqual([url, new URL(owner.url).host]);
  });

  it.each([
    "http://169.254.169.254/latest",
    "http://2852039166/latest",
    "http://[fe80::1]:80",
    "http://[::ffff:169.254.169.254]",
    "http://[64:ff9b::a9fe:a9fe]",
    "http://[fd00:ec2::254]",
    "ftp://127.0.0.1/x",
    "http://user:secret@127.0.0.1",
  ])("an owner that says it is at %s is not believed", async (url) => {
    const { gateway, members } = await startProxying();
    await members.own("2", url);
    const problem = problemOf(await call(gateway, at("/x"), GET));
    expect([problem.status, problem.code]).toEqual([502, "SHARDCAST_UPSTREAM_FAILED"]);
    expect(problem.detail).not.toContain("secret");
  });

  it("owners are where proxyHosts says, by name, address or range, also what a name resolves to", async () => {
    const policy = new ProxyPolicy(["*.accounts.svc", "gate.test", "10.0.0.0/8", "[fd00::]", "127.0.0.1"]);
    const verdicts = (urls: string[]) => urls.map((url) => policy.faultOf(new URL(url)) === undefined);
    expect(
      verdicts([
        "http://a.accounts.svc:1",
        "http://gate.test",
        "http://10.1.2.3",
        "http://[fd00::]",
        "http://127.0.0.1",
      ]),
    ).toEqual([true, true, true, true, true]);
    expect(verdicts(["http://11.1.2.3", "http://[fd00::1]", "http://127.0.0.2"])).toEqual([
      false,
      false,
      false,
    ]);
    // Known when it is looked up, and then by its address.
    expect(policy.allows("elsewhere.test", "10.9.9.9")).toBe(true);
    expect(policy.allows("elsewhere.test", "192.168.0.1")).toBe(false);
    expect(policy.allows("a.accounts.svc", "192.168.0.1")).toBe(true);
    expect(policy.allows("a.accounts.svc", "169.254.169.254")).toBe(false);
    expect(new ProxyPolicy(["a.test"]).faultOf(new URL("http://b.test"))).toBeDefined();
    expect(new ProxyPolicy([]).faultOf(new URL("http://anything.test"))).toBeUndefined();
    const { gateway, members } = await startProxying({ proxyHosts: ["owners.test", "10.0.0.0/8"] });
    const owner = await startOwner();
    await members.own("2", owner.url.replace("127.0.0.1", "localhost"));
    expect(problemOf(await call(gateway, at("/x"), GET)).status).toBe(502);
    expect(owner.requests).toEqual([]);
  });

  it("a request that comes back to the gateway is stopped (508)", async () => {
    // The one that is waiting is the only one there is room for.
    const { gateway, members } = await startProxying({ maxInFlight: 1 });
    await members.own("2", `${gateway.url}${at()}`);
    const problem = problemOf(await call(gateway, at("/x"), GET));
    expect([problem.status, problem.code]).toEqual([508, "SHARDCAST_PROXY_LOOP"]);
  });

  it("requests that only other gateways send around are stopped after some of them", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    await members.own("2", owner.url);
    const via = (hops: number) => Array.from({ length: hops }, (_, i) => `1.1 shardcast-${i}`).join(", ");
    seenIn(await call(gateway, at("/x"), { ...GET, headers: { via: via(4) } }));
    const answer = await call(gateway, at("/x"), { ...GET, headers: { via: via(5) } });
    expect(problemOf(answer).code).toBe("SHARDCAST_PROXY_LOOP");
  });
});

describe("what an owner is told of a request", () => {
  const headers = {
    connection: "keep-alive, X-Hop, shardcast-key",
    "x-hop": "1",
    "proxy-authorization": "Basic x",
    "keep-alive": "timeout=5",
    te: "trailers",
    "x-forwarded-for": "1.2.3.4",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "shop.test",
    "x-forwarded-port": "443",
    forwarded: "for=1.2.3.4",
    via: "1.1 front",
    host: "gw.test:8080",
  };

  it("has nothing of the connection's, and of callers only what the gateway saw itself", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    await members.own("2", owner.url);
    const seen = seenIn(await call(gateway, at("/x"), { ...GET, headers })).headers;
    for (const name of ["x-hop", "proxy-authorization", "keep-alive", "te", "x-forwarded-port"])
      expect(seen[name]).toBeUndefined();
    expect(seen).toMatchObject({
      "shardcast-key": "carol",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": "gw.test:8080",
      forwarded: 'for=127.0.0.1;host="gw.test:8080";proto=http',
      via: expect.stringMatching(/^1\.1 front, 1\.1 shardcast-[0-9a-f]{12}$/),
    });
  });

  it("has what trusted proxies said before", async () => {
    const { gateway, members } = await startProxying({ proxyTrustedProxies: 1 });
    const owner = await startOwner();
    await members.own("2", owner.url);
    expect(seenIn(await call(gateway, at("/x"), { ...GET, headers })).headers).toMatchObject({
      "x-forwarded-for": "1.2.3.4, 127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "shop.test",
      "x-forwarded-port": "443",
      forwarded: 'for=1.2.3.4, for=127.0.0.1;host="gw.test:8080";proto=http',
    });
  });
});
