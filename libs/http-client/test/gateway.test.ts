import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectHttp, type RequestStatus } from "../src/index.ts";
import { Stage } from "./support/stage.ts";
import { SERVICE, startGateway, startWorld } from "./support/world.ts";

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
});
