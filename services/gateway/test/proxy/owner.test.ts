import { describe, expect, it } from "vitest";
import { call, problemOf, rawConnection } from "../support/http.ts";
import { seenIn, startOwner } from "./support/owner.ts";
import { at, GET, KEY, LANE, startProxying } from "./support/stage.ts";

describe("ANY /v1/{service}/proxy/{key}/…", () => {
  it("goes to who owns the key's lane, with method, path, query, headers and body as they were sent", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("two");
    await members.own("2", owner.url);
    const answer = await call(gateway, at("/cards//4%2F7?all=1&all=2&x=%20"), {
      method: "PATCH",
      headers: {
        "content-type": "application/json; charset=utf-8",
        authorization: "Bearer x",
        cookie: "a=1; b=2",
      },
      body: '{"cents":1}',
    });
    expect(seenIn(answer)).toMatchObject({
      owner: "two",
      method: "PATCH",
      url: "/cards//4%2F7?all=1&all=2&x=%20",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "content-length": "11",
        authorization: "Bearer x",
        cookie: "a=1; b=2",
      },
      body: '{"cents":1}',
    });
  });

  it.each([GET, { method: "DELETE" }])("sends path and query on byte for byte: $method", async (init) => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    await members.own("2", owner.url);
    const path = "//a/.../%7e'|\"<%C3%A9;b=1/?q=%zz&r=a/../b?";
    expect(seenIn(await call(gateway, at(path), init)).url).toBe(path);
  });

  it("tells the owner service, key, lane, member and fencing token, whatever the caller says of them (C2)", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    const token = await members.own("2", owner.url);
    const { headers } = seenIn(
      await call(gateway, at("/x"), {
        ...GET,
        headers: { "shardcast-member": "9", "shardcast-fencing-token": "999" },
      }),
    );
    expect(headers).toMatchObject({
      "shardcast-service": "accounts",
      "shardcast-key": KEY,
      "shardcast-lane": String(LANE),
      "shardcast-member": "2",
      "shardcast-fencing-token": String(token),
    });
  });

  it("tells each owner of a lane its own member and token, also one after the other (C2)", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    for (const member of ["2", "1"]) {
      const token = await members.own(member, owner.url);
      await expect
        .poll(async () => seenIn(await call(gateway, at("/x"), GET)).headers)
        .toMatchObject({ "shardcast-member": member, "shardcast-fencing-token": String(token) });
      await members.release(member);
    }
  });

  it("says to whom each request of a connection was sent, whomever the one before was for", async () => {
    const { gateway, members } = await startProxying();
    const hosts: unknown[] = [];
    const owner = await startOwner("hosts", ({ headers }, response) => {
      hosts.push([headers["x-forwarded-host"], headers.forwarded]);
      response.end("ok");
    });
    await members.own("2", owner.url);
    const { socket, text } = await rawConnection(gateway);
    const get = (host: string, more = "") => `GET ${at("/x")} HTTP/1.1\r\nhost: ${host}\r\n${more}\r\n`;
    socket.write(get("a.test") + get("b.test", "connection: close\r\n"));
    await text();
    const said = (host: string) => [host, expect.stringContaining(`host=${host}`)];
    expect(hosts).toHaveLength(2);
    expect(hosts).toEqual(expect.arrayContaining([said("a.test"), said("b.test")]));
  });

  it("writes a key in its header as a path has it", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    await members.own("2", owner.url, [0, 1, 2]);
    const { headers, url } = seenIn(await call(gateway, at("", "a%2Fb%20%C3%A9"), GET));
    expect([headers["shardcast-key"], url]).toEqual(["a%2Fb%20%C3%A9", "/"]);
  });

  it("puts its path behind the one of the owner's URL", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    await members.own("2", `${owner.url}/base/`);
    expect(seenIn(await call(gateway, at("/x/y?z"), GET)).url).toBe("/base/x/y?z");
  });

  it.each(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "REPORT", "LINK"])(
    "takes %s",
    async (method) => {
      const { gateway, members } = await startProxying();
      const owner = await startOwner();
      await members.own("2", owner.url);
      expect(seenIn(await call(gateway, at("/x"), { method })).method).toBe(method);
    },
  );

  it("answers HEAD as the owner does", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("h", (_request, response) =>
      response.writeHead(200, { "content-length": 5 }).end(),
    );
    await members.own("2", owner.url);
    const { status, headers, body } = await call(gateway, at("/x"), { method: "HEAD" });
    expect([status, headers["content-length"], body.length]).toEqual([200, "5", 0]);
  });

  it("gives back status, headers and body as they are, but for those of the connection", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("h", (_request, response) => {
      response.writeHead(418, [
        ...["set-cookie", "a=1", "set-cookie", "b=2", "X-Odd", "1", "keep-alive", "timeout=7", "x-hop", "1"],
        ...["connection", "keep-alive, X-Hop", "content-type", "text/tea"],
      ]);
      response.end("short and stout");
    });
    await members.own("2", owner.url);
    const { status, headers, body } = await call(gateway, at("/x"));
    expect([status, body.toString()]).toEqual([418, "short and stout"]);
    expect(headers).toMatchObject({ "set-cookie": ["a=1", "b=2"], "x-odd": "1", "content-type": "text/tea" });
    expect(headers["x-hop"]).toBeUndefined();
    expect(headers["keep-alive"]).not.toBe("timeout=7");
  });

  it("passes a 503 of the owner on, once", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("h", (_request, response) => response.writeHead(503).end("busy"));
    await members.own("2", owner.url);
    const answer = await call(gateway, at("/x"), GET);
    expect([answer.status, answer.body.toString(), owner.requests.length]).toEqual([503, "busy", 1]);
  });

  it("uses connections to an owner again", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    await members.own("2", owner.url);
    for (let i = 0; i < 5; i++) seenIn(await call(gateway, at(`/${i}`), i % 2 ? GET : { body: "x" }));
    // One for reads, one for all else.
    expect(owner.connections()).toBe(2);
  });

  it("goes on while the log can not be reached, to whom it was last known to be", async () => {
    const { gateway, cluster, members } = await startProxying();
    const owner = await startOwner();
    await members.own("2", owner.url);
    seenIn(await call(gateway, at("/x"), GET));
    cluster.setAvailable(false);
    expect(seenIn(await call(gateway, at("/x"), GET)).owner).toBe("owner");
  });

  it("is not there unless it is switched on, for the services that are named", async () => {
    const off = await startProxying({ proxy: false });
    expect(problemOf(await call(off.gateway, at("/x"), GET)).code).toBe("SHARDCAST_NOT_FOUND");
    const services = { accounts: { lanes: 3 }, orders: { lanes: 3 } };
    const { gateway, members } = await startProxying({ services, proxy: "accounts" });
    const owner = await startOwner();
    await members.own("2", owner.url);
    seenIn(await call(gateway, at("/x"), GET));
    expect(problemOf(await call(gateway, "/v1/orders/proxy/1/x", GET)).code).toBe("SHARDCAST_NOT_FOUND");
    expect(problemOf(await call(gateway, "/v1/nobody/proxy/1/x", GET)).code).toBe(
      "SHARDCAST_UNKNOWN_SERVICE",
    );
  });

  it("says so when the owner does not say where it listens", async () => {
    const { gateway, members, log } = await startProxying();
    const { writeControl } = await import("../support/control.ts");
    await members.own("2", "http://x.test");
    const life = { member: "2", incarnation: "i", uid: "u", leaseMs: 1_500 };
    await writeControl(log, "accounts", "2", [{ kind: "lane", state: "owned", lane: LANE, ...life }]);
    const problem = problemOf(await call(gateway, at("/x"), GET));
    expect([problem.status, problem.code]).toEqual([503, "SHARDCAST_NO_OWNER"]);
    expect(problem.detail).toContain("SHARDCAST_URL");
  });

  it.each([
    ["an empty key", "/v1/accounts/proxy//x", "SHARDCAST_INVALID_KEY"],
    ["a key that is no UTF-8", "/v1/accounts/proxy/%ff/x", "SHARDCAST_INVALID_REQUEST"],
  ])("refuses %s", async (_, path, code) => {
    const { gateway } = await startProxying();
    expect(problemOf(await call(gateway, path, GET))).toMatchObject({ status: 400, code });
  });
});
