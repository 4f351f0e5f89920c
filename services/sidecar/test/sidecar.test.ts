import { describe, expect, test } from "vitest";
import { answering, startApp } from "./support/app.ts";
import { finalOf, openService } from "./support/service.ts";

const PATIENCE = { timeout: 20_000 };
const TEST_MS = 60_000;

const durable = (url: string) => ({ SHARDCAST_APP_URL: url, SHARDCAST_MEMBER: "accounts-0" });
const ephemeral = (url: string) => ({ SHARDCAST_APP_URL: url, SHARDCAST_MEMBER: "web-7d9f8b6c5-x2x4z" });

describe("a durable member", { timeout: TEST_MS }, () => {
  test("acknowledges what its application has taken, with the answer as its reply (C6)", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    app.answer = answering(200, { "content-type": "text/plain", "x-b": "2" }, "reloaded");
    const sidecar = service.sidecar(durable(app.url));
    await sidecar.start();
    const id = await service.broadcast();
    await expect.poll(() => finalOf(service.acks, id), PATIENCE).toHaveLength(1);
    expect(finalOf(service.acks, id)).toMatchObject([
      {
        kind: "acked",
        author: { member: "0" },
        status: 200,
        contentType: "text/plain",
        body: Buffer.from("reloaded"),
      },
    ]);
    expect(app.asked).toMatchObject([
      { path: "/broadcasts/reload", body: '{"a":1}', headers: { "shardcast-broadcast-id": id, "x-a": "1" } },
    ]);
  });

  test("sends again what its application could not take, and says so meanwhile", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    app.answer = (...answered) => {
      app.answer = answering(204);
      answering(503)(...answered);
    };
    const sidecar = service.sidecar(durable(app.url));
    await sidecar.start();
    const id = await service.broadcast();
    await expect.poll(() => finalOf(service.acks, id), PATIENCE).toHaveLength(1);
    expect(service.acks.filter((ack) => "id" in ack && ack.id === id).map(({ kind }) => kind)).toEqual([
      "retrying",
      "acked",
    ]);
    expect(app.asked.map(({ headers }) => headers["shardcast-attempt"])).toEqual(["1", "2"]);
  });

  test("tells what its application refuses", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    app.answer = answering(404, { "content-type": "application/json" }, '{"no":"such path"}');
    const sidecar = service.sidecar(durable(app.url));
    await sidecar.start();
    const id = await service.broadcast();
    await expect.poll(() => finalOf(service.acks, id), PATIENCE).toHaveLength(1);
    expect(finalOf(service.acks, id)).toMatchObject([
      {
        kind: "failed",
        code: "SHARDCAST_HANDLER_REFUSED",
        reason: 'the application answered 404: {"no":"such path"}',
      },
    ]);
    expect(app.asked).toHaveLength(1);
  });

  test("that was down gets what was sent meanwhile, in order, and nothing twice (C6)", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const first = service.sidecar(durable(app.url));
    await first.start();
    const before = await service.broadcast();
    await expect.poll(() => finalOf(service.acks, before), PATIENCE).toHaveLength(1);
    await first.stop();
    expect(first.readiness().status).toBe("left");
    const meanwhile = [await service.broadcast(), await service.broadcast()];
    const second = service.sidecar(durable(app.url));
    await second.start();
    for (const id of meanwhile) {
      await expect.poll(() => finalOf(service.acks, id), PATIENCE).toHaveLength(1);
    }
    expect(app.asked.map(({ headers }) => headers["shardcast-broadcast-id"])).toEqual([before, ...meanwhile]);
  });

  test.each([
    ["ordered", 1],
    ["concurrent", 2],
  ])("brings %s broadcasts %d at a time", async (order, atOnce) => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const held: (() => void)[] = [];
    app.answer = (response) => void held.push(() => response.writeHead(204).end());
    const sidecar = service.sidecar({ ...durable(app.url), SHARDCAST_BROADCAST_ORDER: order });
    await sidecar.start();
    const ids = [await service.broadcast(), await service.broadcast()];
    // An attempt that takes a while is told: by then all that may run do.
    await expect
      .poll(() => service.acks.filter(({ kind }) => kind === "running").length, PATIENCE)
      .toBe(atOnce);
    expect(held).toHaveLength(atOnce);
    app.answer = answering(204);
    for (const answer of held) answer();
    for (const id of ids) {
      await expect.poll(() => finalOf(service.acks, id), PATIENCE).toMatchObject([{ kind: "acked" }]);
    }
  });

  test("lets a POST that runs end when it is stopped, and acknowledges it (C6)", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const sidecar = service.sidecar(durable(app.url));
    await sidecar.start();
    const asked = new Promise<() => void>((resolve) => {
      app.answer = (response) => resolve(() => void response.writeHead(204).end());
    });
    const id = await service.broadcast();
    const answer = await asked;
    const stopped = sidecar.stop();
    answer();
    await stopped;
    await expect
      .poll(() => finalOf(service.acks, id), PATIENCE)
      .toMatchObject([{ kind: "acked", status: 204 }]);
    expect(await sidecar.ended).toEqual({ reason: "stopped" });
  });
});

describe("an ephemeral member", { timeout: TEST_MS }, () => {
  test("brings what is sent while it lives, and ends when it is stopped", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const sidecar = service.sidecar(ephemeral(app.url));
    await sidecar.start();
    expect(sidecar.readiness()).toMatchObject({ ready: true, status: "ready" });
    const id = await service.broadcast([]);
    await expect
      .poll(() => app.asked, PATIENCE)
      .toMatchObject([{ headers: { "shardcast-broadcast-id": id } }]);
    await sidecar.stop();
    expect(await sidecar.ended).toEqual({ reason: "stopped" });
  });
});

describe("before it joins", { timeout: TEST_MS }, () => {
  test("it waits until its application is well", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const id = await service.broadcast();
    app.answer = answering(503);
    const sidecar = service.sidecar({
      ...durable(app.url),
      SHARDCAST_APP_HEALTH_URL: `${app.url}/health?deep`,
    });
    const started = sidecar.start();
    await expect.poll(() => app.asked.length, PATIENCE).toBeGreaterThan(2);
    expect(sidecar.readiness()).toMatchObject({ ready: false, status: "waiting for the application" });
    expect(service.acks).toEqual([]);
    expect(new Set(app.asked.map(({ method, path }) => `${method} ${path}`))).toEqual(
      new Set(["GET /health?deep"]),
    );
    app.answer = answering(204);
    await started;
    expect(sidecar.readiness()).toMatchObject({ ready: true, status: "ready" });
    await expect.poll(() => finalOf(service.acks, id), PATIENCE).toMatchObject([{ kind: "acked" }]);
  });

  test("it can be stopped while it waits", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    await app.close();
    const sidecar = service.sidecar({ ...durable(app.url), SHARDCAST_APP_HEALTH_URL: app.url });
    const started = sidecar.start();
    started.catch(() => {});
    await sidecar.stop();
    await expect(started).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    expect(sidecar.readiness().status).toBe("left");
    expect(service.acks).toEqual([]);
  });
});

describe("a member that is replaced", { timeout: TEST_MS }, () => {
  test("ends as fenced (C2)", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const first = service.sidecar(durable(app.url));
    await first.start();
    const second = service.sidecar(durable(app.url));
    await second.start();
    expect(await first.ended).toEqual({ reason: "fenced" });
    expect(second.readiness().ready).toBe(true);
  });
});
