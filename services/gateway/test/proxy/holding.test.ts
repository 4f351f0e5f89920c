import { describe, expect, it } from "vitest";
import { call, problemOf } from "../support/http.ts";
import { type Owner, seenIn, startOwner } from "./support/owner.ts";
import { at, GET, LANE, startProxying } from "./support/stage.ts";

const port = ({ url }: Owner) => Number(new URL(url).port);

describe("while a key's owner changes", () => {
  it("requests wait, and go on at once to who takes the lane, with bodies", async () => {
    const { gateway, members } = await startProxying({ proxyHoldMs: 60_000 });
    const [first, second] = [await startOwner("first"), await startOwner("second")];
    await members.own("1", first.url);
    await members.release("1");
    const waiting = Array.from({ length: 20 }, (_, i) => call(gateway, at(`/${i}`), { body: `body ${i}` }));
    await expect.poll(() => gateway.held).toBe(20);
    const token = await members.own("2", second.url);
    for (const [i, answer] of (await Promise.all(waiting)).entries()) {
      const seen = seenIn(answer);
      expect([seen.owner, seen.url, seen.body]).toEqual(["second", `/${i}`, `body ${i}`]);
      expect(seen.headers["shardcast-fencing-token"]).toBe(String(token));
    }
    expect(first.requests).toEqual([]);
  });

  it("requests for a dead owner wait for the next one, also a POST, of which nothing was sent", async () => {
    const { gateway, members } = await startProxying({ proxyHoldMs: 60_000 });
    const [dead, next] = [await startOwner("dead"), await startOwner("next")];
    await members.own("1", dead.url);
    await dead.close();
    const waiting = call(gateway, at("/x"), { body: "precious" });
    await expect.poll(() => gateway.held).toBe(1);
    await members.release("1");
    await members.own("2", next.url);
    expect(seenIn(await waiting)).toMatchObject({ owner: "next", method: "POST", body: "precious" });
  });

  it("an owner that is not there yet is tried again, though nothing is said of it", async () => {
    const { gateway, members } = await startProxying({ proxyHoldMs: 60_000 });
    const before = await startOwner();
    await members.own("1", before.url);
    await before.close();
    const waiting = call(gateway, at("/x"), GET);
    await expect.poll(() => gateway.held).toBe(1);
    await startOwner("restarted", undefined, port(before));
    expect(seenIn(await waiting).owner).toBe("restarted");
  });

  it("what says that it is not the owner (421) is not asked again, but who takes the lane then", async () => {
    const { gateway, members } = await startProxying({ proxyHoldMs: 60_000 });
    const former = await startOwner("former", (_request, response) => {
      response.writeHead(421).end();
      void members.release("1").then(() => members.own("2", next.url));
    });
    const next = await startOwner("next");
    await members.own("1", former.url);
    expect(seenIn(await call(gateway, at("/x"), GET)).owner).toBe("next");
    expect(former.requests).toEqual(["GET /x"]);
  });

  it("a POST is not sent again after 421, and its caller is told", async () => {
    const { gateway, members } = await startProxying();
    const former = await startOwner("former", (_request, response) =>
      response.writeHead(421).end("not mine"),
    );
    await members.own("1", former.url);
    const { status, body } = await call(gateway, at("/x"), { body: "x" });
    expect([status, body.toString(), former.requests.length]).toEqual([421, "not mine", 1]);
  });

  it("requests do not wait for ever: 503 with a reason and Retry-After (C7)", async () => {
    const { gateway } = await startProxying({ proxyHoldMs: 20 });
    const answer = await call(gateway, at("/x"), GET);
    expect(problemOf(answer)).toMatchObject({ status: 503, code: "SHARDCAST_NO_OWNER", retryable: true });
    expect(problemOf(answer).detail).toBe(`lane ${LANE} of accounts has no owner now`);
    expect(answer.headers["retry-after"]).toBe("1");
  });

  it("says which owner can not be reached", async () => {
    const { gateway, members } = await startProxying({ proxyHoldMs: 20 });
    const dead = await startOwner();
    await members.own("1", dead.url);
    await dead.close();
    const problem = problemOf(await call(gateway, at("/x"), GET));
    expect(problem.code).toBe("SHARDCAST_NO_OWNER");
    expect(problem.detail).toContain(`127.0.0.1:${port(dead)} can not be reached (ECONNREFUSED)`);
  });

  it("no more wait than may: the others are 503 at once (C7)", async () => {
    const { gateway, members } = await startProxying({ proxyHoldMs: 60_000, maxProxyHeld: 2 });
    const owner = await startOwner();
    const all = Array.from({ length: 5 }, () => call(gateway, at("/x"), GET));
    const refused: number[] = [];
    for (const each of all) void each.then(({ status }) => status === 503 && refused.push(status));
    await expect.poll(() => refused.length).toBe(3);
    await members.own("1", owner.url);
    const statuses = (await Promise.all(all)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 200, 503, 503, 503]);
  });

  it("who leaves while waiting makes room for another, and is never sent (C7)", async () => {
    const { gateway, members } = await startProxying({ proxyHoldMs: 60_000, maxProxyHeld: 1 });
    const owner = await startOwner();
    const abort = new AbortController();
    const left = call(gateway, at("/gone"), { ...GET, signal: abort.signal }).catch(() => "left");
    await expect.poll(() => gateway.held).toBe(1);
    abort.abort();
    expect(await left).toBe("left");
    await expect.poll(() => gateway.held).toBe(0);
    const waiting = call(gateway, at("/next"), GET);
    await expect.poll(() => gateway.held).toBe(1);
    await members.own("1", owner.url);
    expect((await waiting).status).toBe(200);
    expect(owner.requests).toEqual(["GET /next"]);
  });

  it("requests that wait when the gateway closes are told so, since nothing of them was sent", async () => {
    const { gateway } = await startProxying({ proxyHoldMs: 60_000, shutdownGraceMs: 5_000 });
    const waiting = call(gateway, at("/x"), GET);
    await expect.poll(() => gateway.held).toBe(1);
    const closed = gateway.close();
    expect(problemOf(await waiting).code).toBe("SHARDCAST_CLOSED");
    await closed;
  });
});
