import { describe, expect, it } from "vitest";
import { type CallOptions, call, problemOf } from "../support/http.ts";
import { seenIn, startOwner } from "./support/owner.ts";
import { startProxying } from "./support/stage.ts";

/** The examples of docs/weaver_acls.md and examples/body_lookup of gojek/weaver, as rules of ours. */
async function start(rule: (urls: Readonly<Record<string, string>>) => object, names: readonly string[]) {
  const backends = await Promise.all(names.map((name) => startOwner(name)));
  const urls = Object.fromEntries(backends.map(({ url }, i) => [names[i] as string, url]));
  const { gateway } = await startProxying({ proxy: false, proxyRules: [rule(urls) as never] });
  return {
    gateway,
    to: async (path: string, options: CallOptions) => seenIn(await call(gateway, path, options)).owner,
  };
}

const json = (value: object) => ({
  body: JSON.stringify(value),
  headers: { "content-type": "application/json" },
});

describe("Weaver's documented examples", () => {
  it("none: GET of a path goes to the one backend", async () => {
    const { gateway, to } = await start(
      ({ hello }) => ({
        match: { methods: "GET", path: "/gojek/hello-service" },
        strategy: "none",
        backends: hello,
      }),
      ["hello"],
    );
    expect(await to("/gojek/hello-service", { method: "GET" })).toBe("hello");
    expect((await call(gateway, "/gojek/hello-service", { method: "POST" })).status).toBe(404);
  });

  it("lookup: POST by .serviceType of the body; what the table does not have is 503", async () => {
    const { gateway, to } = await start(
      ({ hello, bye }) => ({
        ...{ match: { methods: "POST", path: "/gojek/hello-service" }, strategy: "lookup" },
        ...{ key: { from: "json", pointer: "/serviceType" }, backends: { 999: hello, 6969: bye } },
      }),
      ["hello", "bye"],
    );
    expect(await to("/gojek/hello-service", json({ serviceType: "999" }))).toBe("hello");
    expect(await to("/gojek/hello-service", json({ serviceType: 6969 }))).toBe("bye");
    expect(problemOf(await call(gateway, "/gojek/hello-service", json({ serviceType: "1" }))).status).toBe(
      503,
    );
  });

  it("lookup, the deployed example: an estimate by the currency of the body", async () => {
    const { to } = await start(
      ({ indonesia, singapore }) => ({
        ...{ match: { methods: "POST", path: "/estimate" }, strategy: "lookup" },
        ...{ key: { from: "json", pointer: "/currency" }, backends: { IDR: indonesia, SGD: singapore } },
      }),
      ["indonesia", "singapore"],
    );
    expect(await to("/estimate", json({ currency: "SGD" }))).toBe("singapore");
    expect(await to("/estimate", json({ currency: "IDR" }))).toBe("indonesia");
  });

  it("prefix-lookup: PUT by what comes before the separator in .orderNo, else the default", async () => {
    const { to } = await start(
      ({ backend1, backend2, backend3 }) => ({
        ...{ match: { methods: "PUT", path: "/gojek/hello/world" }, strategy: "prefix", separator: "-" },
        ...{ key: { from: "json", pointer: "/orderNo" }, default: "default" },
        backends: { default: backend1, "AB-": backend2, "AD-": backend3 },
      }),
      ["backend1", "backend2", "backend3"],
    );
    const put = (orderNo: string) => to("/gojek/hello/world", { method: "PUT", ...json({ orderNo }) });
    expect(await put("AD-2132315")).toBe("backend3");
    expect(await put("AB-1")).toBe("backend2");
    expect(await put("XX-1")).toBe("backend1");
    expect(await put("noprefix")).toBe("backend1");
  });

  it("modulo: GET by the number in the path, of four backends", async () => {
    const { gateway, to } = await start(
      ({ backend1, backend2, backend3, backend4 }) => ({
        ...{ match: { methods: "GET", path: { pattern: "/v2/drivers/\\d+" } }, strategy: "modulo" },
        ...{ key: { from: "path", segment: 3 }, backends: [backend1, backend2, backend3, backend4] },
      }),
      ["backend1", "backend2", "backend3", "backend4"],
    );
    expect(await to("/v2/drivers/2156545453242", { method: "GET" })).toBe("backend3");
    expect(await to("/v2/drivers/5", { method: "GET" })).toBe("backend2");
    expect((await call(gateway, "/v2/drivers/abc", { method: "GET" })).status).toBe(404);
  });

  it("hashring: GET by the DriverID header, each driver always to the same of four backends, all of them used", async () => {
    const { to } = await start(
      ({ backend1, backend2, backend3, backend4 }) => ({
        ...{ match: { methods: "GET", path: { pattern: "/gojek/driver/location" } }, strategy: "hashring" },
        ...{
          key: { from: "header", name: "DriverID" },
          backends: { backend1, backend2, backend3, backend4 },
        },
      }),
      ["backend1", "backend2", "backend3", "backend4"],
    );
    const of = (driver: number) =>
      to("/gojek/driver/location", { method: "GET", headers: { DriverID: `${driver}` } });
    const drivers = Array.from({ length: 40 }, (_, i) => 34_345 + i);
    const first = await Promise.all(drivers.map(of));
    expect(await Promise.all(drivers.map(of))).toEqual(first);
    expect(new Set(first).size).toBe(4);
  });

  it("s2, by cell of a place, is not there; regions that the caller names, or ranges of one coordinate, are", async () => {
    const { to } = await start(
      ({ west, east }) => ({
        ...{ match: { methods: "GET", path: "/gojek/nearby" }, strategy: "range" },
        ...{ key: { from: "header", name: "X-Longitude" }, backends: { west, east } },
        ranges: [
          { from: -180, to: 106.8, backend: "west" },
          { from: 106.8, to: 180.1, backend: "east" },
        ],
      }),
      ["west", "east"],
    );
    const at = (longitude: string) =>
      to("/gojek/nearby", { method: "GET", headers: { "x-longitude": longitude } });
    expect(await at("106.7940571")).toBe("west");
    expect(await at("106.9")).toBe("east");
  });
});
