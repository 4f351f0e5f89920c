import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectHttp, type RequestStatus } from "../src/index.ts";
import { BroadcastStage } from "./support/broadcast-stage.ts";
import { Stage } from "./support/stage.ts";
import { SERVICE, startGateway, startMembers, startWorld } from "./support/world.ts";

/** A client at one of two gateways after the other, and a handler that the test plays. */
async function stageAt() {
  const staged = new Stage();
  const world = await startWorld({ staged: staged.handler });
  const first = await startGateway(world);
  const client = connectHttp({ url: first.url, retry: { minMs: 1, maxMs: 20 } });
  onTestFinished(() => client.close());
  const replace = async () => {
    await first.close();
    await startGateway(world, first.port);
  };
  return { staged, client, first, replace };
}

describe("when a gateway is replaced", () => {
  test("a request with an idempotency key is answered by the next one, and has run once (C4, C5)", async () => {
    const { staged, client, replace } = await stageAt();
    const options = { handler: "staged", idempotencyKey: "once" };
    const waiting = client.request(SERVICE, "carol", { cents: 1 }, options);
    const { end } = await staged.started(1);
    await replace();
    end({ balance: 1 });
    expect(JSON.parse(new TextDecoder().decode((await waiting).body))).toEqual({ balance: 1 });
    expect(staged.calls).toHaveLength(1);
  });

  test("who waits for a result gets it from the next one (C3)", async () => {
    const { staged, client, first, replace } = await stageAt();
    const { id } = await client.submit(SERVICE, "carol", {}, { handler: "staged" });
    const { end } = await staged.started(1);
    const waiting = client.result(SERVICE, id, { waitMs: 60_000 });
    await first.ready;
    await turn();
    await replace();
    end("done");
    expect(await waiting).toMatchObject({ state: "ended", end: "replied" });
  });

  test("events go on at the next one, and none comes twice", async () => {
    const { staged, client, replace } = await stageAt();
    const { id } = await client.submit(SERVICE, "carol", {}, { handler: "staged" });
    const { end } = await staged.started(1);
    const statuses: RequestStatus[] = [];
    for await (const status of client.events(SERVICE, id)) {
      statuses.push(status);
      if (status.state !== "running") continue;
      await replace();
      end("done");
    }
    expect(statuses.map(({ state }) => state)).toEqual(["pending", "running", "ended"]);
  });

  test("who waits for a broadcast is told by the next one what comes of it, each member once (C6)", async () => {
    const staged = new BroadcastStage();
    const world = await startMembers(2, { staged: staged.handler });
    const first = await startGateway(world);
    const client = connectHttp({ url: first.url, retry: { minMs: 1, maxMs: 20 } });
    onTestFinished(() => client.close());
    const broadcast = await client.broadcast(SERVICE, {}, { handler: "staged" });
    const members: string[] = [];
    (await staged.begun(broadcast.id, "1")).end("done");
    for await (const { member } of broadcast) {
      members.push(member);
      if (member !== "1") continue;
      await first.close();
      await startGateway(world, first.port);
      (await staged.begun(broadcast.id, "0")).end("done");
    }
    expect(members).toEqual(["1", "0"]);
    expect(await broadcast.ended).toMatchObject({ verdict: "satisfied", partial: false });
  });
});
