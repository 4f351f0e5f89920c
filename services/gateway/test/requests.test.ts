import { setImmediate as turn } from "node:timers/promises";
import { createMemoryLog } from "@shardcast/log/memory";
import { idempotentRequestId, newRequestId, ShardcastError, toProblem } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { LANES, startBoth, startGateway } from "./support/gateway.ts";
import { type Answer, call, problemOf, rawConnection } from "./support/http.ts";
import type { FakeAnswer } from "./support/worker.ts";

const PATH = "/v1/accounts/keys/1";
const ASYNC = { prefer: "respond-async" };
const ONCE = { "idempotency-key": '"once"' };
const get = { method: "GET" };

const json = ({ body }: Answer) => JSON.parse(body.toString()) as Record<string, unknown>;

/** A worker that answers when told to, and what. */
function held() {
  let release = (_answer: FakeAnswer) => {};
  const released = new Promise<FakeAnswer>((resolve) => {
    release = resolve;
  });
  return { release, handler: () => released };
}

/** What a worker answers with whose handler failed. */
function failure(error: ShardcastError, end: FakeAnswer["end"]): FakeAnswer {
  const { code, status } = error;
  const body = Buffer.from(JSON.stringify(toProblem(error)));
  return { error: code, status, contentType: "application/problem+json", body, ...(end && { end }) };
}

async function ended(gateway: Parameters<typeof call>[0], location: unknown): Promise<Answer> {
  return call(gateway, `${location}?wait=30`, get);
}

describe("Prefer: respond-async", () => {
  it("C3: 202 once the request is on the log, and where its answer will be", async () => {
    const { release, handler } = held();
    const { gateway, worker } = await startBoth(handler, { resultRetentionMs: 3_600_500 });
    const answer = await call(gateway, `${PATH}/deposit`, { headers: ASYNC, body: "x" });
    await worker.received(1);
    const [request] = worker.requests;
    const id = request?.id as string;
    const location = `/v1/accounts/requests/${id}`;
    expect(answer.status).toBe(202);
    expect(json(answer)).toEqual({ id, state: "pending", location, keptForSeconds: 3_600 });
    expect(answer.headers).toMatchObject({
      location,
      "content-type": "application/json",
      "preference-applied": "respond-async",
      "retry-after": "1",
      "shardcast-request-id": id,
      "shardcast-kept-for": "3600",
    });
    // C8: no deadline unless there is one.
    expect(request).toMatchObject({ handler: "deposit", recording: "progress" });
    expect([request?.deadlineMs, request?.replyTo]).toEqual([undefined, undefined]);
    release({});
    expect((await ended(gateway, location)).status).toBe(200);
  });

  it("C8: keeps the deadline of Request-Timeout", async () => {
    const { gateway, worker } = await startBoth(() => ({}));
    const sentMs = Date.now();
    await call(gateway, PATH, { headers: { ...ASYNC, "request-timeout": "86400" } });
    await worker.received(1);
    expect(worker.requests[0]?.deadlineMs).toBeGreaterThanOrEqual(sentMs + 86_400_000);
  });

  it("503 for what the log does not take, with nothing kept", async () => {
    const log = createMemoryLog();
    const { gateway } = await startGateway({ log });
    await gateway.ready;
    log.append = () => Promise.reject(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "not confirmed"));
    const answer = await call(gateway, PATH, { headers: ASYNC });
    expect(problemOf(answer)).toMatchObject({ status: 503, code: "SHARDCAST_LOG_UNAVAILABLE" });
    expect(answer.headers).toMatchObject({ "retry-after": "1", "shardcast-request-id": expect.any(String) });
    expect(answer.headers).not.toHaveProperty("shardcast-kept-for");
  });
});

describe("Prefer: wait", () => {
  it("is the answer when it comes in time", async () => {
    const { gateway, worker } = await startBoth(() => ({ status: 201, body: Buffer.from("done") }));
    const answer = await call(gateway, PATH, { headers: { prefer: "wait=30" } });
    expect([answer.status, answer.body.toString()]).toEqual([201, "done"]);
    expect(answer.headers).toMatchObject({
      "shardcast-request-id": worker.requests[0]?.id,
      "shardcast-kept-for": "86400",
    });
    expect(worker.requests[0]).toMatchObject({ recording: "progress" });
    expect(worker.requests[0]?.deadlineMs).toBeUndefined();
  });

  it.each(["wait=0.02", "respond-async, wait=0.02"])("%s is 202 when it does not", async (prefer) => {
    const { release, handler } = held();
    const { gateway } = await startBoth(handler);
    const answer = await call(gateway, PATH, { headers: { prefer } });
    expect(answer.status).toBe(202);
    expect(answer.headers["preference-applied"]).toBe(prefer);
    expect(gateway.pending).toBe(0);
    release({ body: Buffer.from("late") });
    expect((await ended(gateway, answer.headers.location)).body.toString()).toBe("late");
  });

  it("is the problem when the request fails in time", async () => {
    const error = new ShardcastError("SHARDCAST_ATTEMPTS_EXHAUSTED", "gave up");
    const { gateway } = await startBoth(() => failure(error, "dead-lettered"));
    const answer = await call(gateway, PATH, { headers: { prefer: "wait=30" } });
    expect(problemOf(answer)).toMatchObject({ status: 502, code: "SHARDCAST_ATTEMPTS_EXHAUSTED" });
    expect(answer.headers["shardcast-kept-for"]).toBe("86400");
  });

  it("is 202 for what is on the log when the gateway closes", async () => {
    const { gateway, worker } = await startBoth(() => undefined, { shutdownGraceMs: 20 });
    const answered = call(gateway, PATH, { headers: { prefer: "wait=30" } });
    await worker.received(1);
    await gateway.close();
    expect((await answered).status).toBe(202);
  });
});

describe("C5: Idempotency-Key", () => {
  it("gives a repetition the recorded answer, and says how long it is kept", async () => {
    let runs = 0;
    const { gateway, worker, cluster } = await startBoth(() => ({ body: Buffer.from(`run ${++runs}`) }));
    const id = idempotentRequestId("accounts", Buffer.from("1"), "once", murmur2Lane("1", LANES));
    const { gateway: another } = await startGateway({ cluster });
    await another.ready;
    for (const to of [gateway, gateway, another]) {
      const answer = await call(to, PATH, { headers: ONCE, body: "x" });
      expect([answer.status, answer.body.toString()]).toEqual([200, "run 1"]);
      expect(answer.headers).toMatchObject({ "shardcast-request-id": id, "shardcast-kept-for": "86400" });
    }
    expect(worker.requests[0]).toMatchObject({ id, recording: "outcome", deadlineMs: expect.any(Number) });
    expect((await call(another, `/v1/accounts/requests/${id}`, get)).body.toString()).toBe("run 1");
  });

  it("422 for another request with the same key, while the first runs and afterwards", async () => {
    const { release, handler } = held();
    const { gateway, worker } = await startBoth(handler);
    const first = call(gateway, PATH, { headers: ONCE, body: "one" });
    await worker.received(1);
    const second = call(gateway, PATH, { headers: ONCE, body: "another" });
    await worker.received(2);
    release({});
    const { headers } = await first;
    await ended(gateway, `/v1/accounts/requests/${headers["shardcast-request-id"]}`);
    const third = call(gateway, PATH, { headers: ONCE, body: "another" });
    const asynchronous = call(gateway, PATH, { headers: { ...ONCE, ...ASYNC }, body: "another" });
    for (const answer of [await second, await third, await asynchronous]) {
      expect(problemOf(answer)).toMatchObject({ status: 422, code: "SHARDCAST_IDEMPOTENCY_MISMATCH" });
      expect(answer.headers).not.toHaveProperty("shardcast-kept-for");
    }
  });

  it("finds one and the same request when it is asked for asynchronously", async () => {
    const { gateway, worker } = await startBoth(() => ({ body: Buffer.from("x") }));
    const headers = { ...ONCE, ...ASYNC };
    const [one, two] = [
      await call(gateway, PATH, { headers, body: "x" }),
      await call(gateway, PATH, { headers, body: "x" }),
    ];
    expect([one.status, two.status]).toEqual([202, 202]);
    expect(two.headers.location).toBe(one.headers.location);
    expect((await ended(gateway, one.headers.location)).body.toString()).toBe("x");
    expect(worker.requests[0]).toMatchObject({ recording: "progress" });
  });

  it("C7: 503 over a limit is told at once, not tried again here", async () => {
    const { gateway, worker } = await startBoth(() => undefined, { maxInFlightPerLane: 1 });
    const waiting = call(gateway, PATH).catch(() => {});
    await worker.received(1);
    const refused = await call(gateway, PATH, { headers: ONCE });
    expect(problemOf(refused)).toMatchObject({ status: 429, code: "SHARDCAST_LANE_BUSY" });
    expect(refused.headers).not.toHaveProperty("shardcast-kept-for");
    await gateway.close();
    await waiting;
  });
});

describe("GET /v1/{service}/requests/{id}", () => {
  it("is the worker's answer as it was, with how the request ended", async () => {
    const { gateway } = await startBoth(() => ({
      status: 201,
      contentType: "image/x-odd",
      headers: { "x-balance": "7", "shardcast-request-state": "stolen" },
      body: Buffer.from([0, 255]),
    }));
    const { headers } = await call(gateway, PATH, { headers: ASYNC });
    const answer = await ended(gateway, headers.location);
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({
      "content-type": "image/x-odd",
      "x-balance": "7",
      "shardcast-request-state": "replied",
      "shardcast-request-id": headers["shardcast-request-id"],
      "cache-control": "no-store",
    });
    expect([...answer.body]).toEqual([0, 255]);
  });

  it.each([
    ["SHARDCAST_HANDLER_REFUSED", "failed", 422],
    ["SHARDCAST_ATTEMPTS_EXHAUSTED", "dead-lettered", 502],
    ["SHARDCAST_DEADLINE_EXCEEDED", "expired", 504],
    ["SHARDCAST_CANCELLED", "cancelled", 410],
  ] as const)("C3: is the same %s that who waited got", async (code, end, status) => {
    const error = new ShardcastError(code, "for a reason", { extensions: { more: 1 } });
    const { gateway } = await startBoth(() => failure(error, end));
    const waited = await call(gateway, PATH, { headers: { prefer: "wait=30" } });
    const asked = await ended(gateway, `/v1/accounts/requests/${waited.headers["shardcast-request-id"]}`);
    expect(problemOf(asked)).toMatchObject({ status, code, detail: "for a reason", more: 1 });
    expect(asked.body.equals(waited.body)).toBe(true);
    expect(asked.headers["shardcast-request-state"]).toBe(end);
  });

  it("202 while it has not ended, with what it is doing", async () => {
    const { gateway, worker } = await startBoth(() => undefined);
    const { headers } = await call(gateway, PATH, { headers: ASYNC });
    await worker.received(1);
    const id = headers["shardcast-request-id"];
    const [request] = worker.requests;
    const stands = async () => {
      const answer = await call(gateway, String(headers.location), get);
      expect(answer.status).toBe(202);
      expect(answer.headers).toMatchObject({ "retry-after": "1", "cache-control": "no-store" });
      expect(answer.headers["shardcast-request-state"]).toBe(json(answer).state);
      return json(answer);
    };
    expect(await stands()).toEqual({ id, state: "pending" });
    if (request === undefined) throw new Error("nothing came");
    await worker.tell(request, "running", 1);
    await expect.poll(stands).toEqual({ id, state: "running", attempt: 1, atMs: expect.any(Number) });
    await worker.tell(request, "retrying", 1);
    const retrying = { id, state: "retrying", attempt: 1, atMs: expect.any(Number), reason: "no luck" };
    await expect.poll(stands).toEqual(retrying);
  });

  it("waits for the end as long as it is told to, and no longer than the maximum", async () => {
    const { release, handler } = held();
    const { gateway, worker } = await startBoth(handler, { maxTimeoutMs: 50 });
    const { headers } = await call(gateway, PATH, { headers: ASYNC });
    await worker.received(1);
    for (const wait of ["0", "0.01", "999999"]) {
      expect((await call(gateway, `${headers.location}?wait=${wait}`, get)).status).toBe(202);
    }
    const { gateway: patient } = await startBoth(() => ({}));
    const asynchronous = await call(patient, PATH, { headers: ASYNC });
    expect((await ended(patient, asynchronous.headers.location)).status).toBe(200);
    release({});
  });

  it.each(["soon", "-1", "", "1&wait=2"])("refuses ?wait=%s by name", async (wait) => {
    const { gateway } = await startGateway();
    await gateway.ready;
    const answer = await call(gateway, `/v1/accounts/requests/${newRequestId(0)}?wait=${wait}`, get);
    expect(problemOf(answer)).toMatchObject({
      status: 400,
      code: "SHARDCAST_INVALID_REQUEST",
      detail: expect.stringMatching(/^wait: /),
    });
  });

  it("404 for an id that is none, unknown, or of a request that was not recorded", async () => {
    const { gateway } = await startBoth(() => ({}));
    const plain = await call(gateway, PATH);
    const ids = ["garbage", newRequestId(0), newRequestId(LANES), plain.headers["shardcast-request-id"]];
    for (const id of ids) {
      const path = `/v1/accounts/requests/${id}`;
      for (const [at, method] of [
        [path, "GET"],
        [`${path}?wait=5`, "GET"],
        [`${path}/events`, "GET"],
        [path, "DELETE"],
      ] as const) {
        const problem = async () => problemOf(await call(gateway, at, { method }));
        await expect.poll(problem).toMatchObject({ status: 404, code: "SHARDCAST_UNKNOWN_REQUEST" });
      }
    }
    const { status } = await call(gateway, `/v1/unknown/requests/${ids[1]}`, get);
    expect(status).toBe(404);
  });

  it("C7: a caller who waits is in flight, and not waited for when he disconnects", async () => {
    const { gateway } = await startBoth(() => undefined, { maxInFlight: 1 });
    const { headers } = await call(gateway, PATH, { headers: ASYNC });
    const { socket } = await rawConnection(gateway);
    socket.write(`GET ${headers.location}?wait=30 HTTP/1.1\r\nHost: x\r\n\r\n`);
    const busy = async () => (await call(gateway, String(headers.location), get)).status;
    await expect.poll(busy).toBe(503);
    socket.destroy();
    await expect.poll(busy).toBe(202);
  });

  it("tells who waits how it stands when the gateway closes, without using up the grace time", async () => {
    const { gateway } = await startBoth(() => undefined, { shutdownGraceMs: 60_000 });
    const { headers } = await call(gateway, PATH, { headers: ASYNC });
    const { socket, text } = await rawConnection(gateway);
    socket.write(`GET ${headers.location}?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n`);
    await call(gateway, "/healthz", get); // it has arrived by now
    await gateway.close();
    expect(await text()).toMatch(/^HTTP\/1.1 202 [\s\S]*connection: close[\s\S]*"state":"pending"/i);
  });
});

describe("DELETE /v1/{service}/requests/{id}", () => {
  it("202 once the cancel is on the log, behind the request", async () => {
    const { gateway, worker } = await startBoth(() => undefined);
    const { headers } = await call(gateway, PATH, { headers: ASYNC });
    const answer = await call(gateway, String(headers.location), { method: "DELETE" });
    expect(answer.status).toBe(202);
    expect(json(answer)).toEqual({ id: headers["shardcast-request-id"], state: "cancelling" });
    expect(answer.headers.location).toBe(headers.location);
    await worker.received(2);
    expect(worker.cancels).toEqual([worker.requests[0]?.id]);
  });

  it("409 when it has ended", async () => {
    const { gateway, worker } = await startBoth(() => ({}));
    const { headers } = await call(gateway, PATH, { headers: ASYNC });
    await ended(gateway, headers.location);
    const answer = await call(gateway, String(headers.location), { method: "DELETE" });
    expect(problemOf(answer)).toMatchObject({ status: 409, code: "SHARDCAST_ALREADY_ENDED" });
    expect(worker.cancels).toEqual([]);
  });
});

describe("Shardcast-On-Disconnect: cancel", () => {
  it.each(["", "Prefer: wait=30\r\n", 'Idempotency-Key: "k"\r\n'])(
    "cancels the request of a caller who disconnects, also with %j",
    async (header) => {
      const { gateway, worker } = await startBoth(() => undefined);
      for (const [round, wants] of ["", "Shardcast-On-Disconnect: cancel\r\n"].entries()) {
        const { socket } = await rawConnection(gateway);
        socket.write(`POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n${wants}${header}\r\nhi`);
        await worker.received(round + 1);
        expect(gateway.pending).toBe(1);
        socket.destroy();
        while (gateway.pending > 0) await turn();
      }
      await worker.received(3);
      expect(worker.cancels).toEqual([worker.requests[1]?.id]);
    },
  );

  it("has nothing to cancel for a caller who got his answer", async () => {
    const { gateway, worker } = await startBoth(() => ({}));
    const headers = { "shardcast-on-disconnect": "cancel", connection: "close" };
    expect((await call(gateway, PATH, { headers })).status).toBe(200);
    expect((await call(gateway, PATH, { headers: { ...headers, ...ASYNC } })).status).toBe(202);
    await call(gateway, PATH);
    await worker.received(3);
    expect(worker.cancels).toEqual([]);
  });
});

describe("C8: Delay and Delay-Until", () => {
  it("say when the request may start", async () => {
    const { gateway, worker } = await startBoth(() => ({}));
    const beforeMs = Date.now();
    const until = new Date(Math.ceil(beforeMs / 1_000) * 1_000 + 60_000);
    for (const headers of [
      { delay: "20" },
      { ...ASYNC, delay: "3600" },
      { ...ASYNC, "delay-until": until.toUTCString() },
    ] as Record<string, string>[]) {
      await call(gateway, PATH, { headers });
    }
    await worker.received(3);
    const [one, two, three] = worker.requests.map(({ notBeforeMs = 0 }) => notBeforeMs - beforeMs);
    expect(one).toBeGreaterThanOrEqual(20_000);
    expect(one).toBeLessThan(30_000);
    expect(two).toBeGreaterThanOrEqual(3_600_000);
    expect(three).toBe(until.getTime() - beforeMs);
  });

  it("are refused beyond the configured maximum", async () => {
    const { gateway, worker } = await startBoth(() => ({}), { maxDelayMs: 60_000 });
    const answer = await call(gateway, PATH, { headers: { ...ASYNC, delay: "61" } });
    expect(problemOf(answer)).toMatchObject({ status: 400, detail: expect.stringMatching(/^Delay: .*60 s/) });
    expect((await call(gateway, PATH, { headers: { ...ASYNC, delay: "59" } })).status).toBe(202);
    await worker.received(1);
  });
});
