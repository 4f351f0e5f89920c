import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { topicsOf } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { connectTo, LANES, SERVICE, startService } from "./support/service.ts";

/** A connection that counts the readers it has opened. */
function countingLog(cluster: MemoryCluster) {
  const log = createMemoryLog({ cluster });
  const openReader = log.openReader.bind(log);
  const count = { readers: 0 };
  log.openReader = (options) => {
    count.readers++;
    return openReader(options);
  };
  return { log, count };
}

describe("prepare", () => {
  it("makes the service ready, once for all requests", async () => {
    const service = await startService(() => ({}));
    const { log, count } = countingLog(service.cluster);
    const client = await connectTo(service, { log });
    await client.prepare(SERVICE);
    await client.prepare(SERVICE);
    expect(count.readers).toBe(1);
    await client.request(SERVICE, "1");
    expect(count.readers).toBe(1);
  });

  it("fails for a service alone, and may be called again", async () => {
    const service = await startService(() => ({}));
    const client = await connectTo(service, {
      services: { orders: {}, [SERVICE]: {} },
      prepareServices: false,
    });
    await expect(client.prepare("orders")).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_SERVICE" });
    await client.prepare(SERVICE);
    await expect(client.request(SERVICE, "1")).resolves.toHaveProperty("status", 200);
    for (const spec of Object.values(topicsOf("orders", { lanes: 1 }))) service.cluster.createTopic(spec);
    await client.prepare("orders");
  });

  it("tells what does not fit the options, and what is no name", async () => {
    const service = await startService();
    const services = { [SERVICE]: { lanes: LANES + 1 } };
    const client = await connectTo(service, { services, prepareServices: false });
    await expect(client.prepare(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_TOPIC_MISMATCH" });
    await expect(client.prepare("Not A Name")).rejects.toMatchObject({ code: "SHARDCAST_INVALID_REQUEST" });
  });

  it("is refused by a closed client, also when it was closed meanwhile", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const preparing = client.prepare(SERVICE);
    const early = expect(preparing).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await client.close();
    await early;
    await expect(client.prepare(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  });

  it("is refused when the client is closed while the listener is being opened", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    const openReader = log.openReader.bind(log);
    let open = () => {};
    const opening = new Promise<void>((resolve) => {
      log.openReader = async (options) => {
        resolve();
        await new Promise<void>((go) => {
          open = go;
        });
        return openReader(options);
      };
    });
    const client = await connectTo(service, { log });
    const refused = expect(client.prepare(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await opening;
    const closed = client.close();
    open();
    await closed;
    await refused;
  });
});

describe("connect", () => {
  it("awaits the services of its options, unless it is told not to", async () => {
    const cluster = new MemoryCluster();
    cluster.setAvailable(false);
    const services = { [SERVICE]: {} };
    await expect(connectTo({ cluster }, { services })).rejects.toMatchObject({
      code: "SHARDCAST_LOG_UNAVAILABLE",
    });
    const { log, count } = countingLog(cluster);
    const client = await connectTo({ cluster }, { services, log, prepareServices: false });
    await expect(client.prepare(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
    cluster.setAvailable(true);
    for (const spec of Object.values(topicsOf(SERVICE, { lanes: LANES }))) cluster.createTopic(spec);
    expect(count.readers).toBe(0);
    await client.prepare(SERVICE);
    expect(count.readers).toBe(1);
  });
});
