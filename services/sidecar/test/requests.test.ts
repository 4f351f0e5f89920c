import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { type Asked, answering, breaking, startApp } from "./support/app.ts";
import { openService, SERVICE } from "./support/service.ts";

const PATIENCE = { timeout: 20_000 };
const TEST_MS = 60_000;

const durable = (url: string) => ({ SHARDCAST_APP_URL: url, SHARDCAST_MEMBER: "accounts-0" });
const posts = (asked: readonly Asked[]) => asked.filter(({ method }) => method === "POST");
const attemptsOf = (asked: readonly Asked[]) =>
  posts(asked).map(({ headers }) => headers["shardcast-attempt"]);

/** A service whose one member relays to an application, both there. */
async function begin(env: Readonly<Record<string, string>> = {}) {
  const [service, app] = await Promise.all([openService(), startApp()]);
  const sidecar = service.sidecar({ ...durable(app.url), ...env });
  await sidecar.start();
  return { service, app, sidecar, client: service.client };
}

async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
}

describe("a keyed request", { timeout: TEST_MS }, () => {
  test("is POSTed with all that is known of it, and 2xx is the caller's answer", async () => {
    const { app, client, sidecar } = await begin();
    app.answer = answering(201, { "content-type": "text/plain", "x-b": "2" }, "done");
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const reply = await client.request(SERVICE, "café/1", "body", {
      handler: "deposit/now",
      contentType: "text/x",
      headers: { "x-a": "1", "shardcast-lane": "99", host: "elsewhere" },
      traceparent,
      timeoutMs: 20_000,
    });
    expect(reply).toMatchObject({ status: 201, contentType: "text/plain", headers: { "x-b": "2" } });
    expect(reply.body.toString()).toBe("done");
    const [asked] = app.asked;
    const [lane] = sidecar.lanes();
    expect(app.asked).toHaveLength(1);
    expect(asked).toMatchObject({
      method: "POST",
      path: "/requests/deposit/now",
      body: "body",
      headers: {
        "shardcast-service": SERVICE,
        "shardcast-key": "caf%C3%A9%2F1",
        "shardcast-lane": "0",
        "shardcast-offset": "0",
        "shardcast-attempt": "1",
        "shardcast-fencing-token": String(lane?.fencingToken),
        "shardcast-request-id": reply.id,
        "idempotency-key": reply.id,
        "shardcast-member": "0",
        "content-type": "text/x",
        "x-a": "1",
        traceparent,
        host: app.url.slice("http://".length),
      },
    });
    const deadlineMs = Number(asked?.headers["shardcast-deadline"]);
    expect(deadlineMs).toBeLessThanOrEqual(Date.now() + 20_000);
    expect(Number(asked?.headers["shardcast-remaining-ms"])).toBeLessThanOrEqual(20_000);
    expect(asked?.headers).not.toHaveProperty("ce-id");
  });

  test("that names no handler goes to the root, a key that is no text travels byte by byte, and nobody's deadline is none", async () => {
    const { app, client } = await begin();
    await client.send(SERVICE, Buffer.from([0xff, 0x00, 0x25]), undefined, {
      headers: { "shardcast-deadline": "1" },
    });
    await expect.poll(() => app.asked, PATIENCE).toHaveLength(1);
    expect(app.asked).toMatchObject([{ path: "/requests", headers: { "shardcast-key": "%FF%00%25" } }]);
    expect(app.asked[0]?.headers).not.toHaveProperty("shardcast-deadline");
  });

  test("repeated with its idempotency key has the same id, and is not brought again once it was done (C5)", async () => {
    const { app, client } = await begin();
    app.answer = answering(200, {}, "once");
    const ask = () => client.request(SERVICE, "a", "1", { idempotencyKey: "order-7" });
    const [first, second] = [await ask(), await ask()];
    expect(second).toEqual(first);
    expect(app.asked).toMatchObject([{ headers: { "idempotency-key": first.id } }]);
  });

  test("of a key waits for the one before it, not for those of others (C1)", async () => {
    const { app, client } = await begin();
    const held: (() => void)[] = [];
    app.answer = (response, { body }) => {
      if (body === "first") held.push(() => response.writeHead(204).end());
      else response.writeHead(204).end();
    };
    const first = client.request(SERVICE, "a", "first");
    await expect.poll(() => app.asked, PATIENCE).toHaveLength(1);
    const second = client.request(SERVICE, "a", "second");
    await client.request(SERVICE, "b", "other");
    expect(app.asked.map(({ body }) => body)).toEqual(["first", "other"]);
    for (const answer of held) answer();
    await Promise.all([first, second]);
    expect(app.asked.map(({ body }) => body)).toEqual(["first", "other", "second"]);
  });

  test("is an event in binary mode where that is asked for", async () => {
    const { app, client } = await begin({ SHARDCAST_APP_FORMAT: "cloudevents" });
    const { id } = await client.request(SERVICE, "ä b", "1", { handler: "deposit" });
    const event = {
      "ce-specversion": "1.0",
      "ce-id": id,
      "ce-source": `/v1/${SERVICE}`,
      "ce-type": "deposit",
      "ce-subject": "%C3%A4%20b",
      "ce-partitionkey": "%C3%A4%20b",
    };
    expect(app.asked).toMatchObject([{ headers: { ...event, "shardcast-request-id": id } }]);
    const sent = { "ce-specversion": "1.0", "ce-id": "7", "ce-source": "/till 1", "ce-type": "sold" };
    await client.request(SERVICE, "a", "1", { headers: sent });
    expect(app.asked[1]).toMatchObject({ headers: { ...sent, "ce-source": "/till%201", "ce-subject": "a" } });
  });
});

describe("the application's answer to a request", { timeout: TEST_MS }, () => {
  test("of 4xx ends it, with its status, its detail and what it says besides", async () => {
    const { app, client, service } = await begin();
    const problem = {
      type: "urn:x",
      title: "No",
      detail: "not enough",
      balance: 3,
      status: 200,
      code: "MINE",
    };
    app.answer = answering(409, { "content-type": "application/problem+json" }, JSON.stringify(problem));
    expect(await failure(client.request(SERVICE, "a", "1"))).toMatchObject({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 409,
      message: "not enough",
      extensions: { balance: 3 },
    });
    expect(app.asked).toHaveLength(1);
    expect(service.dead).toEqual([]);
  });

  test.each([408, 425, 429, 500, 503])("of %d has it sent again, with the next number", async (status) => {
    const { app, client } = await begin();
    app.answer = (...answered) => {
      app.answer = answering(204);
      answering(status)(...answered);
    };
    expect(await client.request(SERVICE, "a", "1")).toMatchObject({ status: 204 });
    expect(attemptsOf(app.asked)).toEqual(["1", "2"]);
  });

  test("that asks for more time than there is ends it as expired: it is not asked again (C8)", async () => {
    const { app, client } = await begin();
    app.answer = answering(503, { "retry-after": "30" });
    expect(await failure(client.request(SERVICE, "a", "1", { timeoutMs: 5_000 }))).toMatchObject({
      code: "SHARDCAST_DEADLINE_EXCEEDED",
    });
    expect(attemptsOf(app.asked)).toEqual(["1"]);
  });

  test("that never comes well has it given up to the dead letters, and the key goes on (C9)", async () => {
    const { app, client, service } = await begin({ SHARDCAST_MAX_ATTEMPTS: "3" });
    app.answer = (response, asked) => answering(asked.body === "bitter" ? 500 : 204)(response, asked);
    const bitter = failure(client.request(SERVICE, "a", "bitter"));
    expect(await client.request(SERVICE, "a", "sweet")).toMatchObject({ status: 204 });
    expect(await bitter).toMatchObject({ code: "SHARDCAST_ATTEMPTS_EXHAUSTED" });
    expect(app.asked.map(({ body }) => body)).toEqual(["bitter", "bitter", "bitter", "sweet"]);
    await expect.poll(() => service.dead, PATIENCE).toHaveLength(1);
  });

  test("broken off half-way counts as an attempt: what brings the application down comes to its end (C9)", async () => {
    const { app, client, service } = await begin({ SHARDCAST_MAX_ATTEMPTS: "2" });
    app.answer = breaking;
    expect(await failure(client.request(SERVICE, "a", "1"))).toMatchObject({
      code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
    });
    expect(attemptsOf(app.asked)).toEqual(["1", "2"]);
    await expect.poll(() => service.dead, PATIENCE).toHaveLength(1);
  });

  test("is waited for until the deadline, and no longer (C8)", async () => {
    const { app, client } = await begin();
    const broken = new Promise<void>((resolve) => {
      app.answer = (response) => void once(response, "close").then(() => resolve());
    });
    expect(await failure(client.request(SERVICE, "a", "1", { timeoutMs: 300 }))).toMatchObject({
      code: "SHARDCAST_DEADLINE_EXCEEDED",
    });
    await broken;
    expect(posts(app.asked)).toHaveLength(1);
  });

  test("is not waited for any more when the request is cancelled", async () => {
    const { app, client } = await begin();
    const broken = new Promise<void>((resolve) => {
      app.answer = (response) => void once(response, "close").then(() => resolve());
    });
    const { id } = await client.submit(SERVICE, "a", "1");
    await expect.poll(() => app.asked, PATIENCE).toHaveLength(1);
    await client.cancel(SERVICE, id);
    await broken;
    expect(await client.result(SERVICE, id, { waitMs: 20_000 })).toMatchObject({ end: "cancelled" });
    expect(posts(app.asked)).toHaveLength(1);
  });
});

describe("while the application is away", { timeout: TEST_MS }, () => {
  test("requests wait for it, and no attempt is counted (C3, C9)", async () => {
    const { app, client, service, sidecar } = await begin({ SHARDCAST_MAX_ATTEMPTS: "1" });
    const port = Number(new URL(app.url).port);
    await app.close();
    const request = client.request(SERVICE, "a", "1");
    await expect.poll(() => sidecar.readiness().status, PATIENCE).toBe("the application is away");
    const back = await startApp(port);
    expect(await request).toMatchObject({ status: 204 });
    expect(attemptsOf(back.asked)).toEqual(["1"]);
    expect(service.dead).toEqual([]);
  });

  test("who waits longer than his deadline is told, and it is not brought any more (C8)", async () => {
    const { app, client } = await begin();
    const port = Number(new URL(app.url).port);
    await app.close();
    expect(await failure(client.request(SERVICE, "a", "late", { timeoutMs: 200 }))).toMatchObject({
      code: "SHARDCAST_DEADLINE_EXCEEDED",
    });
    const next = client.request(SERVICE, "a", "next");
    const back = await startApp(port);
    await next;
    expect(posts(back.asked).map(({ body }) => body)).toEqual(["next"]);
  });

  test("for too long, the member gives its lanes back, and takes them when it is back, with nothing lost (C3)", async () => {
    const { app, client, service, sidecar } = await begin({
      SHARDCAST_APP_UNHEALTHY_MS: "1",
      SHARDCAST_MAX_ATTEMPTS: "1",
      SHARDCAST_GRACE_MS: "50",
    });
    const [first] = sidecar.lanes();
    const port = Number(new URL(app.url).port);
    await app.close();
    const request = client.request(SERVICE, "a", "1");
    await expect.poll(() => sidecar.readiness().status, PATIENCE).toBe("waiting for the application");
    expect(sidecar.lanes()).toEqual([]);
    const back = await startApp(port);
    expect(await request).toMatchObject({ status: 204 });
    expect(attemptsOf(back.asked)).toEqual(["1"]);
    expect(service.dead).toEqual([]);
    await expect.poll(() => sidecar.readiness().ready, PATIENCE).toBe(true);
    expect(sidecar.lanes()[0]?.fencingToken).toBeGreaterThan(first?.fencingToken ?? Number.NaN);
  });

  test("not well is away too: nothing is brought until it is", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const sidecar = service.sidecar({ ...durable(app.url), SHARDCAST_APP_HEALTH_URL: `${app.url}/health` });
    await sidecar.start();
    app.answer = answering(503);
    await expect.poll(() => sidecar.readiness().status, PATIENCE).toBe("the application is away");
    const request = service.client.request(SERVICE, "a", "1");
    const seen = app.asked.length;
    await expect.poll(() => app.asked.length, PATIENCE).toBeGreaterThan(seen + 3);
    expect(posts(app.asked)).toEqual([]);
    app.answer = answering(204);
    expect(await request).toMatchObject({ status: 204 });
  });

  test("and the member is stopped, what waits is left to the next owner (C3)", async () => {
    const { app, client, service, sidecar } = await begin({ SHARDCAST_GRACE_MS: "600000" });
    const port = Number(new URL(app.url).port);
    await app.close();
    const request = client.request(SERVICE, "a", "1");
    await expect.poll(() => sidecar.readiness().status, PATIENCE).toBe("the application is away");
    await sidecar.stop();
    const back = await startApp(port);
    await service.sidecar(durable(back.url)).start();
    expect(await request).toMatchObject({ status: 204 });
    expect(attemptsOf(back.asked)).toEqual(["1"]);
  });
});
