import type { HandlerContext, HandlerRequest } from "@shardcast/worker";
import { Webhook } from "standardwebhooks";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { isPublicAddress, type Resolve } from "../../src/callbacks/addresses.ts";
import { callbackHandler } from "../../src/callbacks/callback-handler.ts";
import { Poster } from "../../src/callbacks/poster.ts";
import { type Answer, startEndpoint } from "./support/endpoint.ts";
import { addresses, SECRET, type Settings, settingsFor } from "./support/settings.ts";

const ID = "0190b2c3-0000-7000-8000-000000000001";

interface Sent {
  readonly url: string;
  readonly settings?: Partial<Settings>;
  readonly hosts?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly contentType?: string;
  readonly context?: Partial<HandlerContext>;
  readonly resolve?: Resolve;
  readonly allows?: (address: string) => boolean;
}

/** Calls back once; resolves to what was thrown. */
async function callBack({ url, hosts, resolve, headers, context, ...rest }: Sent): Promise<unknown> {
  const settings = settingsFor(hosts ?? [new URL(url).host], rest.settings);
  const allows = rest.allows ?? (settings.callbackAllowPrivate ? () => true : isPublicAddress);
  const timeoutMs = settings.callbackTimeoutMs;
  const poster = new Poster({ timeoutMs, allows, ...(resolve === undefined ? {} : { resolve }) });
  onTestFinished(() => poster.close());
  const request = {
    id: ID,
    headers: { "callback-url": url, ...headers },
    contentType: rest.contentType,
    body: rest.body ?? Buffer.from("{}"),
  };
  const surroundings = { signal: new AbortController().signal, ...context };
  try {
    await callbackHandler({ poster, settings })(
      request as unknown as HandlerRequest,
      surroundings as HandlerContext,
    );
  } catch (error) {
    return error;
  }
  return undefined;
}

async function answering(answer: Answer) {
  const endpoint = await startEndpoint(() => answer);
  return { endpoint, url: `http://127.0.0.1:${endpoint.port}/hook` };
}

describe("what is POSTed", () => {
  it("is the answer as it is, with what it answers, signed for the receiver's library", async () => {
    const { endpoint, url } = await answering({ status: 200 });
    const body = Buffer.from('{"balance":1,"currency":"€"}');
    const headers = {
      "shardcast-request-id": "request-1",
      "shardcast-request-state": "replied",
      "shardcast-status": "201",
      "shardcast-service": "accounts",
      "shardcast-key": "%C3%A4",
      host: "forged",
      "x-other": "not sent on",
    };
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const asked = {
      url: `${url}?token=1#part`,
      headers,
      body,
      contentType: "application/json; charset=utf-8",
    };
    expect(await callBack({ ...asked, context: { traceparent } })).toBeUndefined();
    const got = await endpoint.arrived(1);
    expect(got).toMatchObject({ method: "POST", path: "/hook?token=1", body });
    expect(got.headers).toMatchObject({
      "shardcast-request-id": "request-1",
      "shardcast-request-state": "replied",
      "shardcast-status": "201",
      "shardcast-service": "accounts",
      "shardcast-key": "%C3%A4",
      "content-type": "application/json; charset=utf-8",
      "content-length": String(body.byteLength),
      "webhook-id": ID,
      host: `127.0.0.1:${endpoint.port}`,
      "user-agent": "shardcast",
      traceparent,
    });
    expect(got.headers).not.toHaveProperty("x-other");
    expect(got.headers).not.toHaveProperty("callback-url");
    const verified = new Webhook(SECRET).verify(got.body, got.headers as Record<string, string>);
    expect(verified).toEqual({ balance: 1, currency: "€" });
  });

  it("has no type and no body where the answer has none", async () => {
    const { endpoint, url } = await answering({ status: 204 });
    expect(await callBack({ url, body: Buffer.alloc(0) })).toBeUndefined();
    const { body, headers } = await endpoint.arrived(1);
    expect(body.byteLength).toBe(0);
    expect(headers).not.toHaveProperty("content-type");
    expect(headers["content-length"]).toBe("0");
  });
});

describe("what is answered", () => {
  it.each([200, 201, 202, 204, 299])("%i is done", async (status) => {
    const { url } = await answering({ status });
    expect(await callBack({ url })).toBeUndefined();
  });

  it.each([300, 304, 400, 401, 404, 409, 429, 500, 502, 503])("%i is tried again", async (status) => {
    const { url, endpoint } = await answering({ status });
    expect(await callBack({ url })).toMatchObject({
      name: "RetryableError",
      retryAfterMs: 0,
      message: `127.0.0.1:${endpoint.port} answered ${status}`,
    });
  });

  it("410 is given up: the receiver does not want it", async () => {
    const { url } = await answering({ status: 410, headers: { "retry-after": "1" } });
    expect(await callBack({ url })).toMatchObject({ name: "TerminalError" });
  });

  it.each([
    [429, "7", 7_000],
    [503, "7", 7_000],
    [503, "86400", 60_000],
    [503, "99999999999999999999", 0],
    [503, "soon", 0],
    [503, "-1", 0],
    [500, "7", 0],
  ])("%i with Retry-After %s waits %i ms at least, and not for ever (C9)", async (status, value, ms) => {
    const { url } = await answering({ status, headers: { "retry-after": value } });
    const settings = { callbackRetryMaxMs: 60_000 };
    expect(await callBack({ url, settings })).toMatchObject({ name: "RetryableError", retryAfterMs: ms });
  });

  it("503 with a date waits until then", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-01T00:00:00Z") });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const wait = async (date: string) => {
      const { url } = await answering({ status: 503, headers: { "retry-after": date } });
      return callBack({ url, settings: { callbackRetryMaxMs: 60_000 } });
    };
    expect(await wait("Thu, 01 Jan 2026 00:00:30 GMT")).toMatchObject({ retryAfterMs: 30_000 });
    expect(await wait("Wed, 31 Dec 2025 23:59:30 GMT")).toMatchObject({ retryAfterMs: 0 });
  });

  it("counts by its status, however much follows it or never comes (C7)", async () => {
    const { url } = await answering({ status: 200, body: Buffer.alloc(5_000_000) });
    expect(await callBack({ url })).toBeUndefined();
    const cut = await startEndpoint(() => ({ status: 200, headers: { "content-length": "9" }, body: "cut" }));
    const settings = { callbackTimeoutMs: 300 };
    expect(await callBack({ url: `http://127.0.0.1:${cut.port}/`, settings })).toBeUndefined();
  });
});

describe("a receiver that", () => {
  it("does not answer in time is tried again", async () => {
    const silent = await startEndpoint(() => undefined);
    const settings = { callbackTimeoutMs: 100 };
    expect(await callBack({ url: `http://127.0.0.1:${silent.port}/`, settings })).toMatchObject({
      name: "RetryableError",
      message: expect.stringMatching(/could not be reached: .*timeout/),
    });
  });

  it("is not there, or has no address, is tried again", async () => {
    const { url, endpoint } = await answering({ status: 200 });
    const settings = { callbackTimeoutMs: 2_000 };
    const [elsewhere, port] = [url.replace("127.0.0.1", "hook.test"), endpoint.port];
    const resolve = () => Promise.reject(new Error("ENOTFOUND hook.test"));
    expect(await callBack({ url: elsewhere, resolve, settings })).toMatchObject({
      name: "RetryableError",
      message: `hook.test:${port} could not be reached: ENOTFOUND hook.test`,
    });
    const nobody = await startEndpoint(() => undefined, { host: "127.0.0.1" });
    const there = `http://127.0.0.2:${nobody.port}/`;
    expect(await callBack({ url: there })).toMatchObject({
      name: "RetryableError",
      message: expect.stringMatching(/ECONNREFUSED/),
    });
  });

  it("is being called when the lane is lost is left at once (C2)", async () => {
    const silent = await startEndpoint(() => undefined);
    const lost = new AbortController();
    const called = callBack({
      url: `http://127.0.0.1:${silent.port}/`,
      context: { signal: lost.signal },
    });
    await silent.arrived(1);
    lost.abort();
    expect(await called).toBeInstanceOf(Error);
  });
});

describe("nobody is called", () => {
  it("whose host is not listed any more, or never was: given up", async () => {
    const { url, endpoint } = await answering({ status: 200 });
    for (const hosts of [["api.example.com"], []]) {
      expect(await callBack({ url, hosts })).toMatchObject({
        name: "TerminalError",
        message: expect.stringMatching(/^Callback-URL: /),
      });
    }
    expect(await callBack({ url, headers: { "callback-url": "" } })).toMatchObject({ name: "TerminalError" });
    expect(endpoint.received).toEqual([]);
  });

  it.each([["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["10.1.2.3"], ["1.1.1.1", "127.0.0.1"]])(
    "by a name that is at %s: given up, as nobody made it so by accident",
    async (...found) => {
      const { endpoint } = await answering({ status: 200 });
      const settings = { callbackAllowPrivate: false };
      const url = `http://hook.test:${endpoint.port}/`;
      const resolve = async () => addresses(...found);
      expect(await callBack({ url, resolve, settings })).toMatchObject({
        name: "TerminalError",
        message: "hook.test is not at an address that may be called back",
      });
      expect(endpoint.received).toEqual([]);
    },
  );

  it.each(["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:7f00:1]", "0"])(
    "by the address %s, in whatever form",
    async (host) => {
      const { endpoint } = await answering({ status: 200 });
      const url = `http://${host}:${endpoint.port}/`;
      expect(await callBack({ url, settings: { callbackAllowPrivate: false } })).toMatchObject({
        name: "TerminalError",
      });
      // Also where the list were the only one to look.
      const allows = isPublicAddress;
      expect(await callBack({ url, allows })).toMatchObject({
        name: "TerminalError",
        message: expect.stringMatching(/is not at an address that may be called back/),
      });
      expect(endpoint.received).toEqual([]);
    },
  );

  it("where a redirect leads, be it allowed or not", async () => {
    const inner = await startEndpoint(() => ({ status: 200 }));
    const location = `http://127.0.0.1:${inner.port}/`;
    for (const status of [301, 302, 303, 307, 308]) {
      const { url, endpoint } = await answering({ status, headers: { location } });
      const hosts = [`127.0.0.1:${endpoint.port}`, `127.0.0.1:${inner.port}`];
      expect(await callBack({ url, hosts })).toMatchObject({ name: "RetryableError" });
    }
    expect(inner.received).toEqual([]);
  });

  it("by a name that means another address the next time: what was checked is what is connected to", async () => {
    const outer = await startEndpoint(() => ({ status: 200 }), { host: "127.0.0.1" });
    const inner = await startEndpoint(() => ({ status: 200 }), { host: "127.0.0.2", port: outer.port });
    const found = ["127.0.0.1", "127.0.0.2"];
    const resolve = vi.fn(async () => addresses(found.shift() as string));
    const allows = (address: string) => address === "127.0.0.1";
    const url = `http://hook.test:${outer.port}/`;
    expect(await callBack({ url, resolve, allows })).toBeUndefined();
    expect(resolve).toHaveBeenCalledTimes(1);
    expect((await outer.arrived(1)).headers.host).toBe(`hook.test:${outer.port}`);
    expect(await callBack({ url, resolve, allows })).toMatchObject({ name: "TerminalError" });
    expect(resolve).toHaveBeenCalledTimes(2);
    expect(inner.received).toEqual([]);
    expect(outer.received).toHaveLength(1);
  });
});
