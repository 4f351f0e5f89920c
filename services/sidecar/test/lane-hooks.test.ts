import { describe, expect, test } from "vitest";
import { answering, startApp } from "./support/app.ts";
import { openService, SERVICE } from "./support/service.ts";

const PATIENCE = { timeout: 20_000 };
const env = (url: string) => ({
  SHARDCAST_APP_URL: url,
  SHARDCAST_MEMBER: "accounts-0",
  SHARDCAST_APP_LANE_HOOKS: "true",
});

describe("an application that wants to know its lanes", { timeout: 60_000 }, () => {
  test("is told before the first request of a lane, and when all of them have ended, with the token (C2)", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const sidecar = service.sidecar(env(app.url));
    await sidecar.start();
    const token = String(sidecar.lanes()[0]?.fencingToken);
    await service.client.request(SERVICE, "a", "1");
    await sidecar.stop();
    expect(app.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /lanes/0/acquired",
      "POST /requests",
      "POST /lanes/0/released",
    ]);
    const of = { "shardcast-service": SERVICE, "shardcast-member": "0", "shardcast-lane": "0" };
    for (const { headers } of app.asked) expect(headers).toMatchObject({ "shardcast-fencing-token": token });
    expect(app.asked[0]?.headers).toMatchObject(of);
    expect(app.asked[2]?.headers).toMatchObject(of);
  });

  test("gets no request of a lane that it could not take; the lane is given back and taken again", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const order: string[] = [];
    app.answer = (response, asked) => {
      const refused = asked.path === "/lanes/0/acquired" && order.length === 0;
      order.push(asked.path);
      answering(refused ? 500 : 204)(response, asked);
    };
    const sidecar = service.sidecar(env(app.url));
    const started = sidecar.start();
    await service.client.request(SERVICE, "a", "1");
    await started;
    expect(order).toEqual(["/lanes/0/acquired", "/lanes/0/acquired", "/requests"]);
  });

  test("that was gone is told again: what it had loaded went with it", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const sidecar = service.sidecar(env(app.url));
    await sidecar.start();
    const port = Number(new URL(app.url).port);
    await app.close();
    await expect.poll(() => sidecar.readiness().ready, PATIENCE).toBe(false);
    const back = await startApp(port);
    await service.client.request(SERVICE, "a", "1");
    expect(back.asked.map(({ path }) => path)).toEqual(["/lanes/0/acquired", "/requests"]);
  });

  test("may fail to let go of a lane: it is released all the same", async () => {
    const [service, app] = await Promise.all([openService(), startApp()]);
    const first = service.sidecar(env(app.url));
    await first.start();
    app.answer = answering(500);
    await first.stop();
    app.answer = answering(204);
    const second = service.sidecar(env(app.url));
    await second.start();
    expect(second.lanes()).toMatchObject([{ lane: 0, state: "owned" }]);
  });
});
