import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it, onTestFinished } from "vitest";
import { resolveGatewayOptions } from "../../src/options.ts";
import { chooserOf } from "../../src/proxy/rules/strategies.ts";
import { LANES, recordingLogger } from "../support/gateway.ts";
import { type CallOptions, call, problemOf } from "../support/http.ts";
import { seenIn, startOwner } from "./support/owner.ts";
import { GET, startProxying } from "./support/stage.ts";

type Rules = Exclude<NonNullable<Parameters<typeof startProxying>[0]>["proxyRules"], string | undefined>;

/** A gateway with rules, whose backends are named by their number. */
async function start(rules: (urls: readonly string[]) => unknown, count = 2, options = {}) {
  const backends = await Promise.all(Array.from({ length: count }, (_, i) => startOwner(`${i}`)));
  const proxyRules = rules(backends.map(({ url }) => url)) as Rules;
  const started = await startProxying({ proxy: false, proxyRules, ...options });
  const ask = async (path: string, options: CallOptions = GET) =>
    seenIn(await call(started.gateway, path, options));
  return { ...started, backends, ask };
}

describe("a rule of the proxy", () => {
  it("is about requests by path, host, method and headers, and the first that matches counts", async () => {
    const { gateway, ask } = await start(
      ([a = "", b = "", c = ""]) => [
        { match: { path: "/exact" }, backends: a, strategy: "none" },
        { match: { path: { prefix: "/p/" }, methods: ["GET", "put"] }, backends: b, strategy: "none" },
        { match: { path: { pattern: "/n/[0-9]+$" } }, backends: c, strategy: "none" },
        {
          match: { host: ["a.test", "*.b.test"], headers: { "X-Beta": "*" } },
          backends: b,
          strategy: "none",
        },
      ],
      3,
    );
    expect((await ask("/exact?x")).owner).toBe("0");
    expect((await ask("/p")).owner).toBe("1");
    expect((await ask("/p/x", { method: "PUT" })).owner).toBe("1");
    expect((await ask("/n/12")).owner).toBe("2");
    const beta = { "x-beta": "" };
    expect((await ask("/", { ...GET, headers: { host: "x.B.test:80", ...beta } })).owner).toBe("1");
    for (const [path, options] of [
      ["/exact/", GET],
      ["/px", GET],
      ["/p/x", { method: "POST" }],
      ["/n/12x", GET],
      ["/m/n/12", GET],
      ["/", { ...GET, headers: { host: "b.test", ...beta } }],
      ["/", { ...GET, headers: { host: "a.test" } }],
      ["/v1/accounts/nothing", GET],
    ] as const)
      expect(problemOf(await call(gateway, path, options)).code).toBe("SHARDCAST_NOT_FOUND");
  });

  it("tells a backend nothing of owners, whatever the caller says", async () => {
    const { ask } = await start(([a]) => [{ backends: a, strategy: "none" }]);
    const headers = { "shardcast-member": "9", "Shardcast-Fencing-Token": "9", "shardcast-lane": "1" };
    const seen = await ask("/x", { ...GET, headers });
    expect(Object.keys(seen.headers).filter((name) => name.startsWith("shardcast-"))).toEqual([]);
  });

  it("leaves the gateway's own paths alone", async () => {
    const { gateway } = await start(([a]) => [{ backends: a, strategy: "none" }]);
    expect((await call(gateway, "/healthz", GET)).headers["content-type"]).not.toBe(undefined);
    expect(JSON.parse((await call(gateway, "/v1/accounts/shards", GET)).body.toString()).service).toBe(
      "accounts",
    );
  });

  it("finds keys in headers, paths, queries, bodies, cookies, tokens and the caller's address", async () => {
    const key = (source: object, path: string) => ({
      match: { path: { prefix: path } },
      service: "accounts",
      key: source,
    });
    const { ask, members } = await start(
      () => [
        key({ from: "header", name: "X-Account" }, "/h"),
        key({ from: "path", segment: 2 }, "/p"),
        key({ from: "query", name: "account" }, "/q"),
        key({ from: "json", pointer: "/order/account" }, "/j"),
        key({ from: "cookie", name: "account" }, "/c"),
        key({ from: "jwt", claim: "sub" }, "/t"),
        key({ from: "client" }, "/a"),
      ],
      1,
      { proxyTrustedProxies: 2 },
    );
    const owner = await startOwner();
    await members.own("2", owner.url, [0, 1, 2]);
    const token = `e30.${Buffer.from('{"sub":"k6"}').toString("base64url")}.`;
    const body = `{"order":{"account":"k4"},"x":"${"y".repeat(5_000)}"}`;
    const asked: [string, string, CallOptions][] = [
      ["k1", "/h/x", { headers: { "x-account": "k1" } }],
      ["k2%2F", "/p/k2%2F/x", {}],
      ["k3", "/q?account=k3", {}],
      ["k4", "/j", { method: "POST", body, headers: { "content-type": "application/json" } }],
      ["k5", "/c", { headers: { cookie: 'x=1; account="k5"' } }],
      ["k6", "/t", { headers: { authorization: `Bearer ${token}` } }],
      ["9.9.9.9", "/a", { headers: { "x-forwarded-for": "6.6.6.6, 9.9.9.9, 10.0.0.1" } }],
    ];
    for (const [expected, path, options] of asked) {
      const seen = await ask(path, { ...GET, ...options });
      const lane = murmur2Lane(decodeURIComponent(expected), LANES);
      expect([seen.headers["shardcast-key"], seen.headers["shardcast-lane"], seen.url]).toEqual([
        expected,
        String(lane),
        path,
      ]);
      expect(seen.body).toBe(options.body ?? "");
      expect(seen.headers["content-type"]).toBe(options.headers?.["content-type"]);
    }
  });

  it("refuses what has no key, and a body that is too large to look for one", async () => {
    const { gateway } = await start(
      ([a, b]) => [{ backends: [a, b], strategy: "modulo", key: { from: "json", pointer: "/id" } }],
      2,
      { bodyLimitBytes: 100 },
    );
    const ask = async (body: string) => problemOf(await call(gateway, "/x", { body }));
    expect(await ask('{"no":1}')).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_KEY" });
    expect(await ask(`{"id":1,"x":"${"y".repeat(200)}"}`)).toMatchObject({ status: 413 });
    expect(await ask('{"id":"x"}')).toMatchObject({ status: 503, code: "SHARDCAST_NO_OWNER" });
  });

  it("sends a body it has read again where that is safe, and takes the prefix off the path", async () => {
    let times = 0;
    const flaky = await startOwner("flaky", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () =>
        times++ === 0 ? request.socket.destroy() : response.end(`${request.url} ${Buffer.concat(chunks)}`),
      );
    });
    const { gateway } = await start(() => [
      {
        ...{ match: { path: { prefix: "/api" } }, stripPrefix: "/api/", strategy: "lookup" },
        ...{ backends: { k: flaky.url }, key: { from: "json", pointer: "/id" } },
      },
    ]);
    const answer = await call(gateway, "/api/put", { method: "PUT", body: '{"id":"k"}' });
    expect([answer.body.toString(), times]).toEqual(['/put {"id":"k"}', 2]);
  });

  it("sends keys to members of a service by number, table and range as well", async () => {
    const { ask, members } = await start(
      () => [
        {
          match: { path: { prefix: "/mod" } },
          service: "accounts",
          strategy: "modulo",
          key: { from: "query", name: "k" },
        },
        {
          ...{ match: { path: { prefix: "/tab" } }, service: "accounts", strategy: "lookup", default: "1" },
          ...{ key: { from: "query", name: "k" }, table: { vip: "2" } },
        },
      ],
      0,
      { services: "accounts=3/3" },
    );
    const owners = await Promise.all(["0", "1", "2"].map((name) => startOwner(name)));
    for (const [i, { url }] of owners.entries()) await members.own(`${i}`, url, [i]);
    expect((await ask("/mod?k=7")).owner).toBe("1");
    expect((await ask("/mod?k=-1")).owner).toBe("2");
    const vip = await ask("/tab?k=vip");
    expect([vip.owner, vip.headers["shardcast-member"]]).toEqual(["2", "2"]);
    expect((await ask("/tab?k=other")).owner).toBe("1");
  });

  it("has a time-out of its own", async () => {
    const mute = await startOwner("mute", () => {});
    const { gateway } = await start(() => [{ backends: mute.url, strategy: "none", timeoutMs: 50 }]);
    expect(problemOf(await call(gateway, "/x", GET)).code).toBe("SHARDCAST_UPSTREAM_TIMEOUT");
  });

  it("whose backend is down answers 503 at once: nobody else will have it", async () => {
    const down = await startOwner();
    const { gateway } = await start(() => [{ backends: down.url, strategy: "none" }], 0, {
      proxyHoldMs: 60_000,
    });
    await down.close();
    expect(problemOf(await call(gateway, "/x", { body: "x" }))).toMatchObject({
      status: 503,
      code: "SHARDCAST_NO_OWNER",
    });
  });
});

describe("strategies", () => {
  const choose = (rule: object, among: readonly string[], keys: readonly string[]) => {
    const chooser = chooserOf(rule as Parameters<typeof chooserOf>[0]);
    return keys.map((key) => chooser(key, among));
  };

  it("take the longest prefix, or the one up to a separator", () => {
    const table = { a: "one", ab: "two", "x-": "three" };
    expect(choose({ strategy: "prefix", table }, [], ["abc", "ac", "b", "x-1"])).toEqual([
      "two",
      "one",
      undefined,
      "three",
    ]);
    expect(choose({ strategy: "prefix", table, separator: "-" }, [], ["abc", "x-1-2", "y-1"])).toEqual([
      ...[undefined, "three", undefined],
    ]);
  });

  it("take ranges of numbers and of texts, from included and to excluded", () => {
    const numbers = [
      { to: 10, backend: "low" },
      { from: 10, to: 20.5, backend: "mid" },
      { from: 20.5, backend: "high" },
    ];
    expect(
      choose({ strategy: "range", ranges: numbers }, [], ["-3", "9.9", "10", "20.5", "x", "1e3"]),
    ).toEqual([...["low", "low", "mid", "high", undefined, undefined]]);
    const texts = [
      { to: "m", backend: "a-l" },
      { from: "m", backend: "m-z" },
    ];
    expect(choose({ strategy: "range", ranges: texts, default: "d" }, [], ["alice", "m", "zoe"])).toEqual([
      ...["a-l", "m-z", "m-z"],
    ]);
  });

  it("hash consistently: one backend more takes its share of the keys, and no other key moves", () => {
    const keys = Array.from({ length: 3_000 }, (_, i) => `key-${i}`);
    const three = choose({ strategy: "hashring" }, ["a", "b", "c"], keys);
    const four = choose({ strategy: "hashring" }, ["d", "c", "b", "a"], keys);
    const moved = keys.filter((_, i) => three[i] !== four[i]);
    expect(moved.every((key) => four[keys.indexOf(key)] === "d")).toBe(true);
    expect(moved.length).toBeGreaterThan(600);
    expect(moved.length).toBeLessThan(900);
    for (const name of ["a", "b", "c"])
      expect(three.filter((each) => each === name).length).toBeGreaterThan(850);
  });

  it("take numbers of any length modulo", () => {
    const among = ["0", "1", "2", "3"];
    expect(choose({ strategy: "modulo" }, among, ["2156545453242", "18446744073709551615", "x", ""])).toEqual(
      [...["2", "3", undefined, undefined]],
    );
  });
});

describe("the file of rules", () => {
  async function file(text: string): Promise<{ path: string; write: (text: string) => Promise<void> }> {
    const folder = await mkdtemp(join(tmpdir(), "rules-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, "rules.yaml");
    // In one step, as a ConfigMap changes.
    const write = async (text: string) => {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    };
    await write(text);
    return { path, write };
  }
  const rule = (url: string) =>
    `rules:\n  - match: { path: { prefix: /x } }\n    strategy: none\n    backends: ${url}\n`;

  it("is followed while requests come; a bad one changes nothing and is logged", {
    timeout: 20_000,
  }, async () => {
    const [a, b] = [await startOwner("a"), await startOwner("b")];
    const { path, write } = await file(rule(a.url));
    const { logger, lines } = recordingLogger();
    const { gateway } = await startProxying({ proxy: false, proxyRules: path, logger });
    const owner = async () => seenIn(await call(gateway, "/x", GET)).owner;
    expect(await owner()).toBe("a");
    await write("rules: [{ strategy: none, backends: nowhere }]");
    await expect
      .poll(() => lines.filter(({ msg }) => msg.startsWith("no rules")).length, { timeout: 5_000 })
      .toBe(1);
    expect(await owner()).toBe("a");
    await write(rule(b.url));
    await expect.poll(owner, { timeout: 5_000 }).toBe("b");
    await write("[]");
    await expect.poll(async () => (await call(gateway, "/x", GET)).status, { timeout: 5_000 }).toBe(404);
  });

  it("that is bad or missing from the beginning keeps the gateway from starting, and is named", async () => {
    for (const path of [
      "/nowhere/rules.yaml",
      (await file("- service: unknown\n  key: { from: client }\n")).path,
    ])
      await expect(startProxying({ proxyRules: path })).rejects.toMatchObject({
        code: "SHARDCAST_INVALID_CONFIG",
        message: expect.stringContaining("SHARDCAST_PROXY_RULES"),
      });
  });

  it("may be text in the variable instead, YAML or JSON", async () => {
    const owner = await startOwner("inline");
    for (const text of [rule(owner.url), JSON.stringify([{ backends: owner.url, strategy: "none" }])]) {
      const { gateway } = await startProxying({ proxy: false, env: { SHARDCAST_PROXY_RULES: text } });
      expect(seenIn(await call(gateway, "/x", GET)).owner).toBe("inline");
    }
  });

  it.each([
    ["no destination", { key: { from: "client" } }, "needs either a service or backends"],
    [
      "two destinations",
      { service: "accounts", backends: "http://a", key: { from: "client" } },
      "needs either",
    ],
    ["a service that is not served", { service: "orders", key: { from: "client" } }, "does not serve orders"],
    ["no key", { service: "accounts" }, "needs a key"],
    ["lanes of backends", { backends: "http://a", key: { from: "client" } }, "lanes are a service's"],
    [
      "a backend that is not there",
      { backends: { a: "http://a" }, strategy: "lookup", table: { x: "b" }, key: { from: "client" } },
      "there is no backend b",
    ],
    [
      "a bad pattern",
      { service: "accounts", key: { from: "client" }, match: { path: { pattern: "(" } } },
      "regular expression",
    ],
    ["no URL", { backends: "ftp://a", strategy: "none" }, "not an http(s) URL"],
    ["an unknown word", { backends: "http://a", strategy: "none", pfad: 1 }, "pfad"],
  ])("is refused with %s", (_, rule, message) => {
    const resolve = () => resolveGatewayOptions({ services: "accounts=3", proxyRules: [rule] as Rules }, {});
    expect(resolve).toThrow(/proxyRules.*SHARDCAST_PROXY_RULES/);
    expect(resolve).toThrow(message);
  });

  it("may say where the key is in a few letters, as the key sources of services do", () => {
    const texts = [
      "header:X-Account",
      "path:2",
      "query:a",
      "json:/order/id",
      "cookie:a",
      "jwt:sub",
      "client",
    ];
    const { proxyRules } = resolveGatewayOptions(
      { services: "accounts=3", proxyRules: texts.map((key) => ({ service: "accounts", key })) as Rules },
      {},
    );
    expect(proxyRules?.kind === "rules" && proxyRules.rules.map(({ key }) => key)).toEqual([
      { from: "header", name: "x-account" },
      { from: "path", segment: 2 },
      { from: "query", name: "a" },
      { from: "json", pointer: "/order/id" },
      { from: "cookie", name: "a" },
      { from: "jwt", claim: "sub" },
      { from: "client" },
    ]);
    const bad = [{ service: "accounts", key: "headers:x" }] as unknown as Rules;
    expect(() => resolveGatewayOptions({ services: "accounts=3", proxyRules: bad }, {})).toThrow(
      /"headers:x" is not/,
    );
  });

  it("and the other options are refused by name when they are wrong", () => {
    const env = {
      SHARDCAST_SERVICES: "accounts=3",
      SHARDCAST_PROXY: "orders",
      SHARDCAST_PROXY_HOSTS: "http://x",
      SHARDCAST_PROXY_HOLD_MS: "-1",
    };
    for (const name of Object.keys(env).slice(1)) expect(() => resolveGatewayOptions({}, env)).toThrow(name);
    const proxies = ["true", "false", "accounts"].map(
      (proxy) =>
        resolveGatewayOptions({}, { ...{ SHARDCAST_SERVICES: "accounts=3" }, SHARDCAST_PROXY: proxy }).proxy,
    );
    expect(proxies).toEqual([true, false, ["accounts"]]);
  });
});
