import type { Kafka } from "kafkajs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bounded } from "../src/bounded.ts";
import { ClientSlot } from "../src/client-slot.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class FakeClient {
  readonly cut = vi.fn();
  connect = vi.fn(async () => {});
  disconnect = vi.fn(async () => {});
}

/** A slot, and the clients it made. */
function slotOf(prepare: (client: FakeClient) => void = () => {}) {
  const made: FakeClient[] = [];
  const openLink = () => {
    const client = new FakeClient();
    prepare(client);
    made.push(client);
    return { kafka: client as unknown as Kafka, cut: client.cut };
  };
  return { made, slot: new ClientSlot(openLink, (kafka) => kafka as unknown as FakeClient, 1_000) };
}

const never = () => new Promise<void>(() => {});

describe("bounded", () => {
  test("passes on what comes in time, either way", async () => {
    expect(await bounded(Promise.resolve(7), 100, "work")).toBe(7);
    await expect(bounded(Promise.reject(new Error("no")), 100, "work")).rejects.toThrow("no");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("rejects when it is too late, and drops what comes then", async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    const late = expect(bounded(promise, 100, "work")).rejects.toThrow("work: no answer within 100 ms");
    await vi.advanceTimersByTimeAsync(100);
    await late;
    reject(new Error("nobody hears this"));
    await vi.advanceTimersByTimeAsync(0);
  });
});

describe("ClientSlot", () => {
  test("connects once for many callers", async () => {
    const { slot, made } = slotOf();
    const clients = await Promise.all([slot.get(), slot.get()]);
    expect(made).toHaveLength(1);
    expect(clients[0]).toBe(clients[1]);
    expect(made[0]?.connect).toHaveBeenCalledOnce();
  });

  test("a failed connection is cut, and the next call begins anew", async () => {
    let refused = true;
    const { slot, made } = slotOf((client) => {
      if (refused) client.connect.mockRejectedValue(new Error("refused"));
    });
    await expect(slot.get()).rejects.toThrow("refused");
    expect(made[0]?.cut).toHaveBeenCalled();
    refused = false;
    expect(await slot.get()).toBe(made[1]);
  });

  test("a connection that hangs is given up and cut", async () => {
    const { slot, made } = slotOf((client) => client.connect.mockImplementation(never));
    const given = expect(slot.get()).rejects.toThrow("connecting: no answer within 1000 ms");
    await vi.advanceTimersByTimeAsync(1_000);
    await given;
    expect(made[0]?.cut).toHaveBeenCalled();
  });

  test("discard cuts the client, and leaves alone the one that replaced it", async () => {
    const { slot, made } = slotOf();
    const first = await slot.get();
    slot.discard(first);
    const second = await slot.get();
    slot.discard(first); // a slower caller of the same failure
    expect(await slot.get()).toBe(second);
    expect(made[0]?.cut).toHaveBeenCalledOnce();
    expect(made[1]?.cut).not.toHaveBeenCalled();
  });

  test("close leaves in good order, cuts, and gives no client any more", async () => {
    const { slot, made } = slotOf();
    await slot.get();
    await slot.close();
    expect(made[0]?.disconnect).toHaveBeenCalledBefore(made[0]?.cut as never);
    await expect(slot.get()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    expect(made).toHaveLength(1);
  });

  test("close waits no longer than a moment for a client that does not answer", async () => {
    const { slot, made } = slotOf((client) => client.disconnect.mockImplementation(never));
    await slot.get();
    const closing = slot.close();
    await vi.advanceTimersByTimeAsync(2_000);
    await closing;
    expect(made[0]?.cut).toHaveBeenCalledOnce();
  });

  test("closing what was never used opens nothing", async () => {
    const { slot, made } = slotOf();
    await slot.close();
    expect(made).toHaveLength(0);
  });
});
