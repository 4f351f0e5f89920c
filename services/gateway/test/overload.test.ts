import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createMemoryLog } from "@shardcast/log/memory";
import { laneOf } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { LANES, startBoth, startGateway } from "./support/gateway.ts";
import { call, keepAlive, problemOf, rawConnection, rawProblem } from "./support/http.ts";

/** A worker that answers when told to. */
function held() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { release, handler: () => released.then(() => ({})) };
}

function keyOnAnotherLane(key: string): string {
  for (let other = 0; ; other++) {
    if (laneOf(String(other), LANES) !== laneOf(key, LANES)) return String(other);
  }
}

describe("C7: over a limit the caller is told to come back", () => {
  it("503 with Retry-After over the in-flight limit, and room again afterwards", async () => {
    const { release, handler } = held();
    const { gateway, worker } = await startBoth(handler, { maxInFlight: 2 });
    const accepted = [call(gateway, "/v1/accounts/keys/1"), call(gateway, "/v1/accounts/keys/2")];
    await worker.received(2);
    const refused = await call(gateway, "/v1/accounts/keys/3", { body: Buffer.alloc(1000) });
    expect(problemOf(refused)).toMatchObject({ status: 503, code: "SHARDCAST_OVERLOADED", retryable: true });
    expect(refused.headers["retry-after"]).toBe("1");
    release();
    expect((await Promise.all(accepted)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await call(gateway, "/v1/accounts/keys/3")).status).toBe(200);
  });

  it("makes room with every answer, not with every connection", async () => {
    const { gateway } = await startBoth(() => ({}), { maxInFlight: 1 });
    const agent = keepAlive();
    for (let round = 0; round < 3; round++) {
      expect((await call(gateway, "/v1/accounts/keys/1", { agent })).status).toBe(200);
    }
  });

  it("429 with Retry-After over a lane's limit, while other lanes go on", async () => {
    const { release, handler } = held();
    const { gateway, worker } = await startBoth(handler, { maxInFlightPerLane: 1 });
    const accepted = [call(gateway, "/v1/accounts/keys/1")];
    await worker.received(1);
    const refused = await call(gateway, "/v1/accounts/keys/1");
    expect(problemOf(refused)).toMatchObject({ status: 429, code: "SHARDCAST_LANE_BUSY", retryable: true });
    expect(refused.headers["retry-after"]).toBe("1");
    accepted.push(call(gateway, `/v1/accounts/keys/${keyOnAnotherLane("1")}`));
    await worker.received(2);
    release();
    expect((await Promise.all(accepted)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await call(gateway, "/v1/accounts/keys/1")).status).toBe(200);
  });

  it("503 over the bytes held, counted before they arrive", async () => {
    const { gateway } = await startBoth(() => ({}), {
      maxBufferedBytes: 1_000_000,
      bodyLimitBytes: 800_000,
    });
    const head = "POST /v1/accounts/keys/1 HTTP/1.1\r\nHost: x\r\n";
    const first = await rawConnection(gateway);
    first.socket.write(`${head}Content-Length: 800000\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`);
    await new Promise((resolve) => first.socket.once("data", resolve));
    const second = await rawConnection(gateway);
    second.socket.write(`${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`);
    expect(rawProblem(await second.text())).toMatchObject({ status: 503, code: "SHARDCAST_OVERLOADED" });
    expect((await call(gateway, "/v1/accounts/keys/1", { body: "small" })).status).toBe(200);
    first.socket.write(Buffer.alloc(800_000));
    expect(await first.text()).toContain("HTTP/1.1 200");
    const again = await call(gateway, "/v1/accounts/keys/1", { body: Buffer.alloc(800_000) });
    expect(again.status).toBe(200);
  });
});

it("C7: a request that waits does not keep its body in memory", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const log = createMemoryLog();
  const { gateway } = await startGateway({ log });
  await gateway.ready;
  let collected = 0;
  const registry = new FinalizationRegistry(() => {
    collected++;
  });
  log.append = async ({ value }) => {
    registry.register(value as Buffer, undefined);
    return { offset: 0 };
  };
  const waiting = [1, 2].map((key) =>
    call(gateway, `/v1/accounts/keys/${key}`, { body: Buffer.alloc(500_000) }),
  );
  await expect
    .poll(
      () => {
        collectGarbage();
        return collected;
      },
      { timeout: 5_000 },
    )
    .toBe(2);
  expect(gateway.pending).toBe(2);
  await gateway.close();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([503, 503]);
});
