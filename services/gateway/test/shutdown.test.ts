import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { describe, expect, it } from "vitest";
import { recordingLogger, startBoth, startGateway } from "./support/gateway.ts";
import { call, keepAlive, problemOf, rawConnection, rawProblem } from "./support/http.ts";

const REQUEST = "POST /v1/accounts/keys/1 HTTP/1.1\r\nHost: x\r\n\r\n";

/** A worker that answers when told to. */
function held() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { release, handler: () => released.then(() => ({ body: Buffer.from("done") })) };
}

describe("close", () => {
  it("finishes what was accepted and tells the connection to close", async () => {
    const { release, handler } = held();
    const { gateway, worker, log } = await startBoth(handler, { shutdownGraceMs: 60_000 });
    const agent = keepAlive();
    const accepted = call(gateway, "/v1/accounts/keys/1", { agent });
    await worker.received(1);
    const closed = gateway.close();
    expect(gateway.close()).toBe(closed);
    release();
    const answer = await accepted;
    expect([answer.status, answer.body.toString()]).toEqual([200, "done"]);
    expect(answer.headers.connection).toBe("close");
    await closed;
    await expect(call(gateway, "/healthz", { method: "GET" })).rejects.toThrow(/ECONNREFUSED/);
    await expect(
      log.append({ topic: "x", partition: 0, key: null, value: null, headers: {} }),
    ).rejects.toThrow("closed");
  });

  it("turns away what comes later on a connection that is still busy, readyz as well", async () => {
    const { release, handler } = held();
    const { gateway, worker } = await startBoth(handler, { shutdownGraceMs: 60_000 });
    const { socket, text } = await rawConnection(gateway);
    socket.write(REQUEST);
    await worker.received(1);
    const probe = await rawConnection(gateway);
    probe.socket.write("GET /readyz HTTP/1.1\r\n");
    await call(gateway, "/healthz", { method: "GET" }); // the half probe has arrived by now
    const closed = gateway.close();
    probe.socket.write("Host: x\r\n\r\n");
    const probed = await probe.text();
    expect(probed).toMatch(/^HTTP\/1.1 503 [\s\S]*connection: close/i);
    expect(rawProblem(probed).code).toBe("SHARDCAST_CLOSED");
    socket.write(REQUEST);
    release();
    expect(await text()).toMatch(/^HTTP\/1.1 200 /);
    await closed;
    expect(worker.requests.length).toBe(1);
  });

  it("ends what is not finished in time with SHARDCAST_CLOSED", async () => {
    const { gateway, worker } = await startBoth(() => undefined, { shutdownGraceMs: 20 });
    const accepted = call(gateway, "/v1/accounts/keys/1", { agent: keepAlive() });
    await worker.received(1);
    const closed = gateway.close();
    const answer = await accepted;
    expect(problemOf(answer)).toMatchObject({ status: 503, code: "SHARDCAST_CLOSED", retryable: true });
    expect(answer.headers).toMatchObject({ "retry-after": "1", connection: "close" });
    await closed;
    expect(gateway.pending).toBe(0);
  });

  it("does not wait for ever for who never finishes sending", async () => {
    const { gateway } = await startBoth(() => ({}), { shutdownGraceMs: 20 });
    const { socket, text } = await rawConnection(gateway);
    socket.write(
      "POST /v1/accounts/keys/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    );
    await new Promise((resolve) => socket.once("data", resolve));
    await gateway.close();
    expect(await text()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  });

  it("does not wait for idle connections", async () => {
    const { gateway } = await startBoth(() => ({}), { shutdownGraceMs: 60_000 });
    await call(gateway, "/v1/accounts/keys/1", { agent: keepAlive() });
    const startedMs = Date.now();
    await gateway.close();
    expect(Date.now() - startedMs).toBeLessThan(5_000);
  });

  it("stops preparing, and says so to who waits for it", async () => {
    const cluster = new MemoryCluster();
    cluster.setAvailable(false);
    const { logger, lines } = recordingLogger();
    const log = createMemoryLog({ cluster });
    let attempts = 0;
    const ensure = log.ensureTopics.bind(log);
    log.ensureTopics = (specs) => {
      attempts++;
      return ensure(specs);
    };
    const { gateway } = await startGateway({ log, logger });
    await gateway.close();
    await expect(gateway.ready).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    const before = attempts;
    cluster.setAvailable(true);
    expect(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length).toBeLessThan(3);
    expect(attempts).toBe(before);
    expect(lines.some(({ msg }) => msg === "ready")).toBe(false);
  });

  it("closes a client that gets ready after all", async () => {
    const cluster = new MemoryCluster();
    const log = createMemoryLog({ cluster });
    let go = () => {};
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    let readers = 0;
    const open = log.openReader.bind(log);
    log.openReader = async (options) => {
      await held;
      const reader = await open(options);
      readers++;
      const close = reader.close.bind(reader);
      reader.close = async () => {
        readers--;
        await close();
      };
      return reader;
    };
    log.close = async () => {};
    const { gateway } = await startGateway({ log });
    await gateway.close();
    go();
    await expect(gateway.ready).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await expect.poll(() => readers).toBe(0);
  });

  it("rejects when the port is taken, and leaves the log to its owner", async () => {
    const { gateway } = await startGateway();
    const log = createMemoryLog();
    await expect(startGateway({ log, port: gateway.port })).rejects.toThrow(/EADDRINUSE/);
    await expect(log.partitionsOf("x")).resolves.toBeUndefined();
  });
});
