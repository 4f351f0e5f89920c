import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import type { Gateway } from "../src/index.ts";
import { startBoth } from "./support/gateway.ts";
import { call, rawConnection } from "./support/http.ts";

const REQUEST = "POST /v1/accounts/keys/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";

/** The gateway hears of a disconnection when the kernel tells it; nothing on our side marks the moment. */
async function settled(gateway: Gateway): Promise<void> {
  const untilMs = Date.now() + 5_000;
  while (gateway.pending > 0 && Date.now() < untilMs) await turn();
}

it("a caller who disconnects is not waited for", async () => {
  const { gateway, worker } = await startBoth(() => undefined, { maxInFlight: 1 });
  for (let round = 1; round <= 3; round++) {
    const { socket } = await rawConnection(gateway);
    socket.write(REQUEST);
    await worker.received(round);
    expect(gateway.pending).toBe(1);
    socket.destroy();
    await settled(gateway);
    expect(gateway.pending).toBe(0);
  }
});

it("nor is any of the requests that were pipelined on the connection", async () => {
  const { gateway, worker } = await startBoth(() => undefined, { maxInFlight: 20 });
  for (let round = 1; round <= 2; round++) {
    const { socket } = await rawConnection(gateway);
    socket.write(REQUEST.repeat(20));
    await worker.received(20 * round);
    expect(gateway.pending).toBe(20);
    socket.destroy();
    await settled(gateway);
    expect(gateway.pending).toBe(0);
  }
});

it("leaves room for others when the upload is broken off", async () => {
  const { gateway } = await startBoth(() => ({}), { maxInFlight: 1 });
  const { socket } = await rawConnection(gateway);
  socket.write(
    "POST /v1/accounts/keys/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
  );
  await new Promise((resolve) => socket.once("data", resolve)); // 100 Continue: it is inside
  expect((await call(gateway, "/v1/accounts/keys/1")).status).toBe(503);
  socket.destroy();
  const untilMs = Date.now() + 5_000;
  let status = 503;
  while (status === 503 && Date.now() < untilMs) status = (await call(gateway, "/v1/accounts/keys/1")).status;
  expect(status).toBe(200);
});

it("a reply that comes after the caller has gone harms nobody", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, worker } = await startBoth((request) =>
    request.body.toString() === "hi" ? released.then(() => ({})) : {},
  );
  const { socket } = await rawConnection(gateway);
  socket.write(REQUEST);
  await worker.received(1);
  socket.destroy();
  await settled(gateway);
  release();
  expect((await call(gateway, "/v1/accounts/keys/2")).status).toBe(200);
});
