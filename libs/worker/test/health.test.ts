import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type HealthServerOptions, type Probe, serveHealth } from "../src/index.ts";
import { World } from "./support/world.ts";

async function serve(readiness: () => Probe, options: Partial<HealthServerOptions> = {}) {
  const health = await serveHealth(readiness, { port: 0, host: "127.0.0.1", ...options });
  let closed = false;
  const close = async () => {
    if (!closed) await health.close();
    closed = true;
  };
  onTestFinished(close);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${health.port}${path}`);
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: await response.json(),
    };
  };
  return { health, get, close };
}

const JSON_TYPE = "application/json";

test("the process lives whether or not it is ready, and is ready when it says so, with all that it says", async () => {
  let probe = { ready: false, status: "taking lanes", member: "1", lanes: [1], missing: [4] };
  const { get } = await serve(() => probe);
  expect(await get("/healthz")).toEqual({ status: 200, type: JSON_TYPE, body: { status: "alive" } });
  expect(await get("/readyz")).toEqual({ status: 503, type: JSON_TYPE, body: probe });
  probe = { ...probe, ready: true, status: "ready", missing: [] };
  expect(await get("/readyz")).toEqual({ status: 200, type: JSON_TYPE, body: probe });
});

test("a worker's readiness is told as its life goes", async () => {
  const world = await World.open({ replicas: 2 });
  const { worker } = world.worker({ member: 1, defaultHandler: () => {} });
  const { get } = await serve(() => worker.readiness());
  expect(await get("/readyz")).toMatchObject({ status: 503, body: { status: "joining", member: "1" } });
  await worker.start();
  expect(await get("/readyz")).toMatchObject({ status: 200, body: { status: "ready", lanes: [1] } });
  const stopped = worker.stop();
  expect(await get("/readyz")).toMatchObject({ status: 503, body: { status: "leaving" } });
  expect(await get("/healthz")).toMatchObject({ status: 200 });
  await stopped;
});

test("what is asked besides is not there, or for whoever takes it", async () => {
  const plain = await serve(() => ({ ready: true }));
  expect(await plain.get("/accounts/1")).toEqual({
    ...{ status: 404, type: JSON_TYPE },
    body: { status: "no such path" },
  });
  const more = await serve(() => ({ ready: true }), {
    otherwise: (request, response) => response.writeHead(203).end(JSON.stringify(request.url)),
  });
  expect(await more.get("/accounts/1?x")).toMatchObject({ status: 203, body: "/accounts/1?x" });
  expect(await more.get("/readyz")).toMatchObject({ status: 200, body: { ready: true } });
});

test("it listens on the address that is named, and by default on all", async () => {
  // Of no machine (RFC 5737).
  await expect(serve(() => ({ ready: true }), { host: "192.0.2.1" })).rejects.toThrow("EADDRNOTAVAIL");
  const all = await serve(() => ({ ready: true }), { host: undefined });
  expect(await all.get("/healthz")).toMatchObject({ status: 200 });
});

test("a port that is taken is told to who serves", async () => {
  const { health } = await serve(() => ({ ready: true }));
  const taken = serveHealth(() => ({ ready: true }), { port: health.port, host: "127.0.0.1" });
  await expect(taken).rejects.toThrow("EADDRINUSE");
});

test("closing ends connections that are kept alive, and what is still asked, so that nothing keeps the process", async () => {
  const asked = Promise.withResolvers<void>();
  const { health, close } = await serve(() => ({ ready: true }), { otherwise: () => asked.resolve() });
  const sockets = ["/healthz", "/never"].map((path) => {
    const socket = connect({ port: health.port, host: "127.0.0.1" });
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    return socket;
  }) as [Socket, Socket];
  await Promise.all([once(sockets[0], "data"), asked.promise]);
  const ended = sockets.map((socket) => once(socket, "close"));
  await close();
  await Promise.all(ended);
});
