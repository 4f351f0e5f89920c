import { laneOf } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { LANES, SERVICE, startBoth } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";

const HOT = "/v1/accounts/keys/1";
const ASYNC = { prefer: "respond-async" };
const get = { method: "GET" };
const OTHER = Array.from({ length: 100 }, (_, i) => String(i + 2)).find(
  (key) => laneOf(key, LANES) === laneOf("1", LANES),
) as string;

/** A worker that keeps requests of one key, and answers others at once. */
function holding(key: string) {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const handler = (request: { readonly key: Buffer }) =>
    request.key.toString() === key ? released.then(() => ({})) : {};
  return { release, handler };
}

describe("C7: a hot key", () => {
  it("is refused with 429 and Retry-After over its limit, while other keys of its lane are answered", async () => {
    const { release, handler } = holding("1");
    const { gateway, worker } = await startBoth(handler, { maxInFlightPerKey: 2 });
    const accepted = [call(gateway, HOT), call(gateway, HOT)];
    await worker.received(2);
    const refused = await call(gateway, HOT);
    expect(problemOf(refused)).toMatchObject({ status: 429, code: "SHARDCAST_KEY_BUSY", retryable: true });
    expect(refused.headers["retry-after"]).toBe(String(problemOf(refused).retryAfterSeconds));
    expect((await call(gateway, `/v1/accounts/keys/${OTHER}`)).status).toBe(200);
    release();
    expect((await Promise.all(accepted)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await call(gateway, HOT)).status).toBe(200);
  });

  it("is refused also for what was submitted and has not ended", async () => {
    const { release, handler } = holding("1");
    const { gateway } = await startBoth(handler, { maxInFlightPerKey: 1 });
    const first = await call(gateway, HOT, { headers: ASYNC });
    expect(first.status).toBe(202);
    const refused = await call(gateway, HOT, { headers: ASYNC });
    expect(problemOf(refused)).toMatchObject({ status: 429, code: "SHARDCAST_KEY_BUSY" });
    expect(refused.headers).not.toHaveProperty("shardcast-kept-for");
    release();
    expect((await call(gateway, `${first.headers.location}?wait=30`, get)).status).toBe(200);
    expect((await call(gateway, HOT, { headers: ASYNC })).status).toBe(202);
  });
});

describe("GET /v1/{service}/hot-keys", () => {
  it("tells the keys of each lane that this gateway was asked for most", async () => {
    const { gateway } = await startBoth(() => ({}));
    for (let i = 0; i < 3; i++) await call(gateway, HOT);
    await call(gateway, `/v1/accounts/keys/${OTHER}`);
    const answer = await call(gateway, "/v1/accounts/hot-keys", get);
    expect([answer.status, answer.headers["cache-control"]]).toEqual([200, "no-store"]);
    expect(JSON.parse(answer.body.toString())).toEqual({
      service: SERVICE,
      seenBy: "this gateway",
      windowSeconds: 60,
      lanes: [
        {
          lane: laneOf("1", LANES),
          requests: 4,
          keys: [
            { key: "1", count: 3, share: 0.75 },
            { key: OTHER, count: 1, share: 0.25 },
          ],
        },
      ],
    });
  });

  it("is for services that are served", async () => {
    const { gateway } = await startBoth(() => ({}));
    const answer = await call(gateway, "/v1/orders/hot-keys", get);
    expect(problemOf(answer)).toMatchObject({ status: 404, code: "SHARDCAST_UNKNOWN_SERVICE" });
  });
});
