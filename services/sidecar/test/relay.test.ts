import {
  type BroadcastContext,
  type BroadcastMessage,
  RetryableError,
  TerminalError,
} from "@shardcast/worker";
import { describe, expect, onTestFinished, test } from "vitest";
import { Application } from "../src/app/application.ts";
import { broadcastRelay } from "../src/relay/broadcast-relay.ts";
import { Courier } from "../src/relay/courier.ts";
import { answering, startApp } from "./support/app.ts";

const EXPIRES_MS = Date.parse("2026-01-01T12:00:00Z");
const LIMITS = { maxReplyBytes: 1_000, maxRetryAfterMs: 60_000 };

interface Sent {
  readonly handler?: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly traceparent?: string;
  readonly signal?: AbortSignal;
}

/** Brings one broadcast to an application at this URL. */
function relayTo(url: string, timeoutMs = 30_000) {
  const application = new Application({ url: new URL(url), timeoutMs, maxReplyBytes: LIMITS.maxReplyBytes });
  onTestFinished(() => application.close());
  const relay = broadcastRelay(courierTo(application), { ...LIMITS, format: "http" });
  return (sent: Sent = {}) => {
    const { handler = "reload", contentType, headers = {}, traceparent } = sent;
    const { signal = new AbortController().signal } = sent;
    const body = Buffer.from('{"a":1}');
    const message = { id: "the-id", handler, contentType, headers, body } as BroadcastMessage;
    const context = {
      service: "accounts",
      member: "2",
      offset: 7,
      attempt: 3,
      expiresMs: EXPIRES_MS,
      remainingMs: () => 60_000,
      traceparent,
      signal,
    } as BroadcastContext;
    return Promise.resolve(relay(message, context));
  };
}

/** To an application that is taken for well until it is missed. */
function courierTo(application: Application): Courier {
  let isWell = true;
  const presence = {
    get isWell() {
      return isWell;
    },
    missed: () => {
      isWell = false;
    },
    well: () => Promise.reject(new Error("it stays away")),
  };
  const leaving = new AbortController().signal;
  return new Courier({ application, presence, leaving, maxAttempts: 20 });
}

async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
}

describe("the relay of broadcasts", () => {
  test("POSTs the bytes to the handler's path, with what is known of the broadcast (C6)", async () => {
    const app = await startApp();
    await relayTo(`${app.url}/base/?tenant=7`)({
      handler: "rates/changed now",
      contentType: "application/json",
      headers: { "x-a": "1" },
      traceparent: "00-1",
    });
    expect(app.asked).toMatchObject([
      {
        method: "POST",
        path: "/base/broadcasts/rates/changed%20now?tenant=7",
        body: '{"a":1}',
        headers: {
          "shardcast-broadcast-id": "the-id",
          "idempotency-key": "the-id",
          "shardcast-attempt": "3",
          "shardcast-expires-at": "2026-01-01T12:00:00.000Z",
          "content-type": "application/json",
          traceparent: "00-1",
          "x-a": "1",
        },
      },
    ]);
  });

  test("a broadcast that names no handler goes to the root", async () => {
    const app = await startApp();
    await relayTo(app.url)({ handler: "" });
    expect(app.asked).toMatchObject([{ path: "/broadcasts" }]);
  });

  test("what a caller sent along can not say what is ours, nor how the message travels", async () => {
    const app = await startApp();
    const headers = {
      "shardcast-broadcast-id": "other",
      "idempotency-key": "other",
      host: "elsewhere",
      "content-length": "999",
      "transfer-encoding": "chunked",
      connection: "close",
    };
    await relayTo(app.url)({ headers });
    expect(app.asked).toMatchObject([
      {
        body: '{"a":1}',
        headers: {
          "shardcast-broadcast-id": "the-id",
          "idempotency-key": "the-id",
          host: app.url.slice("http://".length),
          "content-length": "7",
        },
      },
    ]);
  });

  test.each(["..", "../admin", "a/../../admin", "a/./b", "a//b", "/admin"])(
    "the handler %j leads nowhere else in the application: it is given up",
    async (handler) => {
      const app = await startApp();
      const error = await failure(relayTo(app.url)({ handler }));
      expect(error).toBeInstanceOf(TerminalError);
      expect(error).toMatchObject({ message: expect.stringContaining(JSON.stringify(handler)) });
      expect(app.asked).toEqual([]);
    },
  );

  test.each([
    [{ headers: { "x-a": "line\nbreak" } }, "x-a"],
    [{ headers: { "not a name": "1" } }, "not a name"],
    [{ contentType: "text/plain\r\nx: y" }, "content-type"],
    [{ traceparent: "\u2713" }, "traceparent"],
  ])("%j can not be sent over HTTP and is given up by name", async (sent, name) => {
    const app = await startApp();
    const error = await failure(relayTo(app.url)(sent));
    expect(error).toBeInstanceOf(TerminalError);
    expect(error).toMatchObject({ message: expect.stringContaining(name) });
    expect(app.asked).toEqual([]);
  });
});

describe("the application's answer", () => {
  test("of 2xx is the reply, with its status, headers and body (C6)", async () => {
    const app = await startApp();
    const headers = {
      "content-type": "application/json",
      "x-rate": "2",
      "x-two": ["a", "b"],
      "keep-alive": "timeout=9",
    };
    app.answer = answering(201, headers, '{"now":2}');
    const reply = await relayTo(app.url)();
    expect(reply).toMatchObject({
      status: 201,
      contentType: "application/json",
      headers: { "x-rate": "2", "x-two": "a, b" },
      body: Buffer.from('{"now":2}'),
    });
    expect(Object.keys((reply as { headers: object }).headers)).not.toContain("keep-alive");
  });

  test("of 204 is a reply without a body", async () => {
    const app = await startApp();
    const reply = await relayTo(app.url)();
    expect(reply).toMatchObject({ status: 204, body: Buffer.alloc(0) });
    expect(reply).not.toHaveProperty("contentType");
  });

  test("that is too large acknowledges all the same, and says so in its place (C7)", async () => {
    const app = await startApp();
    app.answer = answering(200, {}, Buffer.alloc(LIMITS.maxReplyBytes + 1));
    expect(await relayTo(app.url)()).toMatchObject({
      contentType: "application/problem+json",
      body: expect.toSatisfy((body: Buffer) => body.toString().includes("SHARDCAST_REPLY_TOO_LARGE")),
    });
    app.answer = answering(200, {}, Buffer.alloc(LIMITS.maxReplyBytes));
    expect(await relayTo(app.url)()).toMatchObject({ status: 200, body: Buffer.alloc(LIMITS.maxReplyBytes) });
  });

  test.each([400, 401, 404, 409, 410, 413, 422, 301, 302])(
    "of %d gives the broadcast up, with what it said",
    async (status) => {
      const app = await startApp();
      app.answer = answering(
        status,
        { "content-type": "text/plain", location: "/elsewhere" },
        "not this way",
      );
      const error = await failure(relayTo(app.url)());
      expect(error).toBeInstanceOf(TerminalError);
      expect(error).toMatchObject({ message: `the application answered ${status}: not this way` });
      expect(app.asked).toHaveLength(1);
    },
  );

  test.each([
    [500, undefined, 0],
    [502, "soon", 0],
    [503, "2", 2_000],
    [429, "30", 30_000],
    [429, "86400", LIMITS.maxRetryAfterMs],
    [408, undefined, 0],
    [425, "1", 1_000],
  ])("of %d with a Retry-After of %j has it sent again after %d ms", async (status, asked, retryAfterMs) => {
    const app = await startApp();
    app.answer = answering(status, asked === undefined ? {} : { "retry-after": asked });
    const error = await failure(relayTo(app.url)());
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ retryAfterMs, message: `the application answered ${status}` });
  });

  test("may name a date for the next attempt", async () => {
    const app = await startApp();
    const date = new Date(Date.now() + 30_000).toUTCString();
    app.answer = answering(503, { "retry-after": date });
    const { retryAfterMs } = (await failure(relayTo(app.url)())) as RetryableError;
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
  });

  test("that does not come within the time limit has it sent again", async () => {
    const app = await startApp();
    app.answer = (response) => void response.writeHead(200).write("half");
    const error = await failure(relayTo(app.url, 50)());
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ message: expect.stringContaining("timeout") });
  });

  test("is not waited for any more when the broadcast is cancelled", async () => {
    const app = await startApp();
    const cancel = new AbortController();
    app.answer = () => cancel.abort();
    expect(await failure(relayTo(app.url)({ signal: cancel.signal }))).toBeInstanceOf(RetryableError);
  });
});
