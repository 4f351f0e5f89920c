import type { AddressInfo } from "node:net";
import type { Broadcast, BroadcastOptions } from "@shardcast/client";
import { newBroadcastId } from "@shardcast/protocol";
import { fastify } from "fastify";
import { expect, it, onTestFinished } from "vitest";
import type { Backend } from "../src/backend.ts";
import { Contracts } from "../src/contracts/contracts.ts";
import type { Gateway } from "../src/index.ts";
import { addBroadcastRoutes } from "../src/routes/broadcasts.ts";
import { Visits } from "../src/visits.ts";
import { PATH } from "./support/broadcasts.ts";
import { call } from "./support/http.ts";
import { stream } from "./support/sse.ts";

/** The routes before a client whose broadcasts never end, and the signals of who waits for them. */
async function start() {
  const signals: AbortSignal[] = [];
  const id = newBroadcastId();
  const accepted = { id, verdict: "open", members: [] };
  const client = {
    async broadcast(_service: string, _body: unknown, { signal }: BroadcastOptions): Promise<Broadcast> {
      signals.push(signal as AbortSignal);
      const { promise: ended, reject } = Promise.withResolvers<never>();
      ended.catch(() => {});
      signal?.addEventListener("abort", () => reject(signal.reason));
      return { id, accepted, replayed: false, ended } as unknown as Broadcast;
    },
  };
  const backend = {
    ...{ client, closing: new AbortController().signal },
    ...{ assertOpen: () => {}, assertBroadcasts: () => {} },
  } as unknown as Backend;
  const visits = new Visits({ maxInFlight: 10, maxBufferedBytes: 1_000, bodyLimitBytes: 100 });
  const app = fastify();
  onTestFinished(() => app.close());
  app.decorateRequest("visit", null);
  addBroadcastRoutes(app, {
    ...{ backend, visits, limits: { defaultTimeoutMs: 30_000, maxTimeoutMs: 30_000 } },
    ...{ forwardHeaders: [], broadcastRetentionMs: 60_000, contracts: new Contracts([]) },
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const gateway = { port: (app.server.address() as AddressInfo).port } as Gateway;
  return { gateway, visits, aborted: () => signals.map((signal) => signal.aborted) };
}

it("C7: a broadcast is not followed any more once its caller has the answer that it was accepted", async () => {
  const { gateway, visits, aborted } = await start();
  expect((await call(gateway, PATH)).status).toBe(202);
  expect(aborted()).toEqual([true]);
  await expect.poll(() => visits.size).toBe(0);
});

it("C7: a broadcast is not followed any more for a caller who has gone", async () => {
  const { gateway, visits, aborted } = await start();
  const { socket } = await stream(gateway, PATH, { method: "POST", headers: { prefer: "wait=30" } });
  await expect.poll(aborted).toEqual([false]);
  socket.destroy();
  await expect.poll(aborted).toEqual([true]);
  await expect.poll(() => visits.size).toBe(0);
});
