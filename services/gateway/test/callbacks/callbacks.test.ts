import { createMemoryLog, type MemoryCluster } from "@shardcast/log/memory";
import { callbackTopicsOf, headerText } from "@shardcast/protocol";
import { describe, expect, it, vi } from "vitest";
import { startEndpoint } from "./support/endpoint.ts";
import { openWorld, owe, SERVICE, startCallbacks } from "./support/stage.ts";

const TOPICS = callbackTopicsOf(SERVICE);
const WAIT = { interval: 2, timeout: 8_000 };

describe("callbacks", () => {
  it("are POSTed by the gateway that plans, and by no other", async () => {
    const { cluster, log } = await openWorld();
    const endpoint = await startEndpoint(() => ({ status: 200 }));
    const hosts = [`hook.test:${endpoint.port}`];
    const idle = startCallbacks(hosts, { log: createMemoryLog({ cluster }), at: "127.0.0.2" });
    const planner = startCallbacks(hosts, { log: createMemoryLog({ cluster }) });
    planner.plan(true);
    const id = await owe(log, { url: `http://${hosts[0]}/hook`, body: '{"n":1}' });
    const { body, headers, at } = await endpoint.arrived(1);
    expect(body.toString()).toBe('{"n":1}');
    expect(headers["shardcast-request-id"]).toBe(id);
    expect(at).toBe("127.0.0.1");
    expect([idle.callbacks.calling, planner.callbacks.calling]).toEqual([false, true]);
  });

  it("of one key come in order, and those of others do not wait for a receiver that fails (C1, C9)", async () => {
    const { cluster, log } = await openWorld();
    const other = Promise.withResolvers<void>();
    const failing = await startEndpoint(async ({ body }, count) => {
      if (body.toString() === "other") other.resolve();
      if (count === 1) await other.promise;
      return { status: count <= 3 ? 500 : 200 };
    });
    const { port } = failing;
    startCallbacks([`127.0.0.1:${port}`], { log: createMemoryLog({ cluster }) }).plan(true);
    const url = `http://127.0.0.1:${port}/`;
    for (const body of ["first", "second", "third"]) await owe(log, { url, key: "a", body });
    await failing.arrived(1);
    // The first one of a key is being called, and fails; another key's is not held up by it.
    await owe(log, { url, key: "b", body: "other" });
    await vi.waitFor(() => {
      const bodies = failing.received.map(({ body }) => body.toString());
      expect(bodies).toContain("third");
    }, WAIT);
    const ofKey = failing.received.filter(({ body }) => body.toString() !== "other");
    const bodies = ofKey.map(({ body }) => body.toString());
    expect([...new Set(bodies)]).toEqual(["first", "second", "third"]);
    expect(bodies).toEqual([...bodies].sort()); // f < s < t: nothing came after what follows it
    const ids = ofKey.map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids).size).toBe(3); // the same at each attempt
  });

  it("that nobody takes go to the dead letters after their attempts, and the key goes on (C9)", async () => {
    const { cluster, log } = await openWorld();
    const endpoint = await startEndpoint(({ path }) => ({ status: path === "/away" ? 500 : 200 }));
    const host = `127.0.0.1:${endpoint.port}`;
    const settings = { callbackMaxAttempts: 3 };
    startCallbacks([host], { log: createMemoryLog({ cluster }), settings }).plan(true);
    const id = await owe(log, { url: `http://${host}/away`, body: "kept" });
    await owe(log, { url: `http://${host}/there` });
    const letters = await deadLetters(cluster, 1);
    expect(letters[0]).toMatchObject({
      "sc-dead-code": "SHARDCAST_ATTEMPTS_EXHAUSTED",
      "sc-dead-reason": `the handler failed 3 times: ${host} answered 500`,
      "http-shardcast-request-id": id,
    });
    await endpoint.arrived(4);
    expect(endpoint.received.map(({ path }) => path)).toEqual(["/away", "/away", "/away", "/there"]);
  });

  it("that the receiver does not want, or that may not be called, go to the dead letters at once", async () => {
    const { cluster, log } = await openWorld();
    const endpoint = await startEndpoint(() => ({ status: 410 }));
    const host = `127.0.0.1:${endpoint.port}`;
    startCallbacks([host], { log: createMemoryLog({ cluster }) }).plan(true);
    await owe(log, { url: `http://${host}/`, key: "a" });
    await owe(log, { url: "http://169.254.169.254/latest/meta-data/", key: "b" });
    const letters = await deadLetters(cluster, 2);
    const told = letters.map((letter) => [letter["sc-dead-code"], letter["sc-dead-reason"]]);
    expect(told.sort()).toEqual([
      ["SHARDCAST_HANDLER_REFUSED", `${host} answered 410`],
      ["SHARDCAST_HANDLER_REFUSED", "Callback-URL: 169.254.169.254 is not a host to be called back"],
    ]);
    expect(endpoint.received).toHaveLength(1);
  });

  it("make their topics where nobody has, and wait for a log that is away", async () => {
    const { cluster, log } = await openWorld();
    cluster.setAvailable(false);
    const endpoint = await startEndpoint(() => ({ status: 200 }));
    const host = `127.0.0.1:${endpoint.port}`;
    const theirs = createMemoryLog({ cluster });
    startCallbacks([host], { log: theirs, topicPrefix: "prod." }).plan(true);
    cluster.setAvailable(true);
    await vi.waitFor(() => expect(cluster.specOf("prod.accounts-callbacks.requests")).toBeDefined(), WAIT);
    await owe(log, { url: `http://${host}/` }, "prod.");
    await endpoint.arrived(1);
  });
});

describe("when another gateway begins to plan", () => {
  it("and the first has given back, it calls what that one has not, and nothing again (C2, C10)", async () => {
    const { cluster, log } = await openWorld();
    const endpoint = await startEndpoint(() => ({ status: 200 }));
    const hosts = [`hook.test:${endpoint.port}`];
    const [first, second] = ["127.0.0.1", "127.0.0.2"].map((at) =>
      startCallbacks(hosts, { log: createMemoryLog({ cluster }), at }),
    );
    first?.plan(true);
    const url = `http://${hosts[0]}/`;
    await owe(log, { url, body: "1" });
    await endpoint.arrived(1);
    first?.plan(false);
    await vi.waitFor(() => expect(first?.callbacks.calling).toBe(false), WAIT);
    second?.plan(true);
    await owe(log, { url, body: "2" });
    await endpoint.arrived(2);
    expect(endpoint.received.map(({ at, body }) => `${at} ${body}`)).toEqual(["127.0.0.1 1", "127.0.0.2 2"]);
    // And back again.
    second?.plan(false);
    await vi.waitFor(() => expect(second?.callbacks.calling).toBe(false), WAIT);
    first?.plan(true);
    await owe(log, { url, body: "3" });
    expect(await endpoint.arrived(3)).toMatchObject({ at: "127.0.0.1" });
  });

  it("because the first died, it calls again what was not confirmed, under the same id (C3)", async () => {
    const { cluster, log } = await openWorld();
    const endpoint = await startEndpoint(({ at }) => (at === "127.0.0.1" ? undefined : { status: 200 }));
    const hosts = [`hook.test:${endpoint.port}`];
    const dying = createMemoryLog({ cluster });
    const first = startCallbacks(hosts, { log: dying });
    first.plan(true);
    await owe(log, { url: `http://${hosts[0]}/` });
    const before = await endpoint.arrived(1);
    await dying.close();
    startCallbacks(hosts, { log: createMemoryLog({ cluster }), at: "127.0.0.2" }).plan(true);
    const after = await endpoint.arrived(2);
    expect(after.at).toBe("127.0.0.2");
    expect(after.headers["webhook-id"]).toBe(before.headers["webhook-id"]);
  });

  it("while the first still believes to plan, only the later one calls (C2)", async () => {
    const { cluster, log } = await openWorld();
    const endpoint = await startEndpoint(() => ({ status: 200 }));
    const hosts = [`hook.test:${endpoint.port}`];
    const url = `http://${hosts[0]}/`;
    const first = startCallbacks(hosts, { log: createMemoryLog({ cluster }), restMs: 60_000 });
    first.plan(true);
    await owe(log, { url });
    await endpoint.arrived(1);
    const second = startCallbacks(hosts, { log: createMemoryLog({ cluster }), at: "127.0.0.2" });
    second.plan(true);
    await vi.waitFor(() => expect(first.callbacks.calling).toBe(false), WAIT);
    await owe(log, { url });
    expect(await endpoint.arrived(2)).toMatchObject({ at: "127.0.0.2" });
    expect([first.callbacks.calling, second.callbacks.calling]).toEqual([false, true]);
  });

  it("and ends, the first one calls again when it has rested and plans", async () => {
    const { cluster, log } = await openWorld();
    const endpoint = await startEndpoint(() => ({ status: 200 }));
    const hosts = [`hook.test:${endpoint.port}`];
    const url = `http://${hosts[0]}/`;
    const first = startCallbacks(hosts, { log: createMemoryLog({ cluster }), restMs: 500 });
    first.plan(true);
    await owe(log, { url });
    await endpoint.arrived(1);
    const second = startCallbacks(hosts, { log: createMemoryLog({ cluster }), at: "127.0.0.2" });
    second.plan(true);
    await vi.waitFor(() => expect(first.callbacks.calling).toBe(false), WAIT);
    first.plan(false);
    second.plan(false);
    await vi.waitFor(() => expect(second.callbacks.calling).toBe(false), WAIT);
    first.plan(true);
    await owe(log, { url });
    expect(await endpoint.arrived(2)).toMatchObject({ at: "127.0.0.1" });
  });
});

describe("closing", () => {
  it("lets a callback that is under way end, begins no other, and leaves nothing running", async () => {
    const { cluster, log } = await openWorld();
    const answer = Promise.withResolvers<{ status: number }>();
    const endpoint = await startEndpoint(() => answer.promise);
    const host = `127.0.0.1:${endpoint.port}`;
    const { callbacks, plan } = startCallbacks([host], {
      log: createMemoryLog({ cluster }),
      graceMs: 60_000,
    });
    plan(true);
    for (const body of ["1", "2"]) await owe(log, { url: `http://${host}/`, body });
    await endpoint.arrived(1);
    const closed = callbacks.close();
    expect(callbacks.close()).toBe(closed);
    answer.resolve({ status: 200 });
    await closed;
    expect(endpoint.received).toHaveLength(1);
    const next = startCallbacks([host], { log: createMemoryLog({ cluster }), at: "127.0.0.1" });
    next.plan(true);
    expect((await endpoint.arrived(2)).body.toString()).toBe("2");
    expect(callbacks.calling).toBe(false);
  });

  it("does not wait for ever for a receiver that is silent", async () => {
    const { cluster, log } = await openWorld();
    const endpoint = await startEndpoint(() => undefined);
    const host = `127.0.0.1:${endpoint.port}`;
    const { callbacks, plan } = startCallbacks([host], { log: createMemoryLog({ cluster }), graceMs: 0 });
    plan(true);
    await owe(log, { url: `http://${host}/` });
    await endpoint.arrived(1);
    await callbacks.close();
  });
});

/** Headers of the dead letters as text, once there are so many. */
async function deadLetters(cluster: MemoryCluster, count: number) {
  const records = await vi.waitFor(() => {
    const found = (cluster.partitionsOf(TOPICS.dead.name) ?? []).flatMap((each) => each.read(0, 1_000_000));
    if (found.length < count) throw new Error(`${found.length} dead letters of ${count}`);
    return found;
  }, WAIT);
  return records.map(({ headers }) =>
    Object.fromEntries(Object.keys(headers).map((name) => [name, headerText(headers, name)])),
  );
}
