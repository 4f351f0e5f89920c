import type { Admin, Kafka } from "kafkajs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AdminClient } from "../src/admin-client.ts";
import { protocolError } from "./support/fake-producers.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function clientOf() {
  let links = 0;
  const openLink = () => {
    links++;
    const admin = { connect: async () => {}, disconnect: async () => {} };
    return { kafka: { admin: () => admin } as unknown as Kafka, cut: () => {} };
  };
  const client = new AdminClient(openLink, 1_000);
  return {
    /** Makes calls until one ends; how they end is taken from the list, the last one for good. */
    async call(endings: readonly (Error | string)[], passing?: Parameters<AdminClient["call"]>[2]) {
      let calls = 0;
      const work = async (_: Admin) => {
        const ending = endings[Math.min(calls++, endings.length - 1)];
        if (ending instanceof Error) throw ending;
        return ending;
      };
      const settled = client.call("test", work, passing).catch(({ message }: Error) => message);
      await vi.advanceTimersByTimeAsync(10_000);
      return { outcome: await settled, calls, links };
    },
  };
}

test("an answer comes through, over one connection for all calls", async () => {
  const { call } = clientOf();
  await call(["a"]);
  expect(await call(["b"])).toEqual({ outcome: "b", calls: 1, links: 1 });
});

test.each([
  ["leaders change hands", protocolError("NOT_CONTROLLER")],
  ["kafkajs stumbles", new TypeError("of undefined")],
  [
    "it says so in an error of its own",
    new Error("retries exceeded", { cause: new TypeError("of undefined") }),
  ],
])("while %s it asks again, over a new connection each time", async (_, error) => {
  expect(await clientOf().call([error, error, "c"])).toEqual({ outcome: "c", calls: 3, links: 3 });
});

test("it does not ask forever", async () => {
  expect(await clientOf().call([protocolError("NOT_CONTROLLER")])).toMatchObject({ calls: 5 });
});

test("a refusal ends the call at once, and the connection stays", async () => {
  const { call } = clientOf();
  expect(await call([protocolError("POLICY_VIOLATION")])).toEqual({
    outcome: "POLICY_VIOLATION",
    calls: 1,
    links: 1,
  });
  expect(await call(["d"])).toMatchObject({ links: 1 });
});

test("after an outage the next call has a new connection; the caller knows whether to ask again", async () => {
  const { call } = clientOf();
  expect(await call([new Error("Connection timeout")])).toMatchObject({ calls: 1, links: 1 });
  expect(await call(["e"])).toMatchObject({ outcome: "e", links: 2 });
});

test("what the caller knows to pass is waited for too", async () => {
  const unknown = protocolError("UNKNOWN_TOPIC_OR_PARTITION");
  expect(await clientOf().call([unknown, "f"])).toMatchObject({ calls: 1 });
  expect(await clientOf().call([unknown, "f"], ["unknown-topic"])).toMatchObject({ outcome: "f", calls: 2 });
});

test("a call that others answer wrongly does not cut off what is under way beside it; the connection goes with the last of them", async () => {
  const cut: number[] = [];
  let links = 0;
  const openLink = () => {
    const link = ++links;
    const admin = { connect: async () => {}, disconnect: async () => {} };
    return { kafka: { admin: () => admin } as unknown as Kafka, cut: () => void cut.push(link) };
  };
  const client = new AdminClient(openLink, 1_000);
  const slow = Promise.withResolvers<string>();
  const beside = client.call("slow", () => slow.promise);
  await vi.advanceTimersByTimeAsync(0);
  let failed = false;
  const moving = client.call("moving", async () => {
    if (!failed) {
      failed = true;
      throw protocolError("NOT_CONTROLLER");
    }
    return "asked again";
  });
  await vi.advanceTimersByTimeAsync(500);
  expect(await moving).toBe("asked again");
  expect({ links, cut }).toEqual({ links: 2, cut: [] });
  slow.resolve("answered");
  expect(await beside).toBe("answered");
  expect(cut).toEqual([1]);
});
