import { describe, expect, it, onTestFinished } from "vitest";
import { StatefulSetReplicas } from "../src/stateful-set-replicas.ts";
import { FakeApi } from "./support/fake-api.ts";
import { recordingLogger } from "./support/logger.ts";

function statefulSet(version: number, spec: object, name = "accounts"): object {
  return { metadata: { name, resourceVersion: String(version) }, spec };
}

async function start(options: { namespace?: string } = {}) {
  const api = await FakeApi.start();
  const { logger, ...log } = recordingLogger();
  const times = { retryMinMs: 1, retryMaxMs: 4 };
  const source = new StatefulSetReplicas({
    cluster: api.cluster(),
    name: "accounts",
    logger,
    times,
    ...options,
  });
  onTestFinished(() => source.close());
  const changed = () =>
    new Promise<number | undefined>((resolve) => {
      const stop = source.watch(() => {
        stop();
        resolve(source.replicas);
      });
    });
  return { api, source, changed, ...log };
}

/** One that has 3 replicas, and is watched. */
async function startWithThree() {
  const parts = await start();
  const first = parts.changed();
  (await parts.api.nextList()).list("1", statefulSet(1, { replicas: 3 }));
  const watch = await parts.api.nextWatch();
  expect(await first).toBe(3);
  return { ...parts, watch };
}

describe("the replicas of a StatefulSet", () => {
  it("are not known at first, then what its spec says, when it changes too", async () => {
    const { api, source, changed } = await start();
    expect(source.replicas).toBeUndefined();
    const first = changed();
    const list = await api.nextList();
    expect(list.path).toBe("/apis/apps/v1/namespaces/bank/statefulsets");
    expect(list.query).toMatchObject({ fieldSelector: "metadata.name=accounts" });
    list.list("1", statefulSet(1, { replicas: 3 }));
    expect(await first).toBe(3);
    const watch = await api.nextWatch();
    const second = changed();
    watch.event("MODIFIED", statefulSet(2, { replicas: 5, ordinals: { start: 0 } }));
    expect(await second).toBe(5);
  });

  it("are looked for in the namespace that is named", async () => {
    const { api } = await start({ namespace: "shop" });
    expect((await api.nextList()).path).toBe("/apis/apps/v1/namespaces/shop/statefulsets");
  });

  it("are told only when they change, and to nobody who has left", async () => {
    const { source, watch, changed } = await startWithThree();
    let told = 0;
    source.watch(() => told++);
    let left = 0;
    source.watch(() => left++)();
    watch.event("MODIFIED", statefulSet(2, { replicas: 3 }));
    const next = changed();
    watch.event("MODIFIED", statefulSet(3, { replicas: 4 }));
    await next;
    expect([told, left]).toEqual([1, 0]);
  });

  it("stay what they were while the API is away", async () => {
    const { api, source, warnings, changed } = await startWithThree();
    await api.down();
    await expect.poll(() => warnings().length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(source.replicas).toBe(3);
    const next = changed();
    await api.up();
    (await api.nextList()).list("7", statefulSet(7, { replicas: 2 }));
    expect(await next).toBe(2);
  });

  it("stay what they were when it is deleted, which is warned of once, and follow the next one (C10)", async () => {
    const { api, source, watch, warnings, changed } = await startWithThree();
    watch.event("DELETED", statefulSet(2, { replicas: 3 }));
    const said = "no such StatefulSet; the replicas stay what they were";
    await expect.poll(warnings).toEqual([said]);
    watch.cut();
    (await api.nextList()).list("3");
    const again = await api.nextWatch();
    expect(source.replicas).toBe(3);
    expect(warnings().filter((msg) => msg === said)).toHaveLength(1);
    const next = changed();
    again.event("ADDED", statefulSet(4, { replicas: 4 }));
    expect(await next).toBe(4);
  });

  it("are as many wherever its ordinals begin", async () => {
    const { source, watch, changed, errors } = await startWithThree();
    let told = 0;
    source.watch(() => told++);
    watch.event("MODIFIED", statefulSet(2, { replicas: 3, ordinals: { start: 5 } }));
    const next = changed();
    watch.event("MODIFIED", statefulSet(3, { replicas: 4, ordinals: { start: 5 } }));
    expect(await next).toBe(4);
    expect(told).toBe(1);
    expect(errors()).toEqual([]);
  });

  it("are none, and that is known, when it is scaled to 0", async () => {
    const { source, watch, changed } = await startWithThree();
    const next = changed();
    watch.event("MODIFIED", statefulSet(2, { replicas: 0 }));
    expect(await next).toBe(0);
    watch.event("MODIFIED", statefulSet(3, { replicas: 1 }));
    await expect.poll(() => source.replicas).toBe(1);
  });

  it("are 1 where its spec does not say", async () => {
    const { api, changed } = await start();
    const next = changed();
    (await api.nextList()).list("1", statefulSet(1, {}));
    expect(await next).toBe(1);
  });

  it("say how old they are", async () => {
    const { api, source } = await start();
    expect(source.silentMs).toBeUndefined();
    (await api.nextList()).list("1", statefulSet(1, { replicas: 3 }));
    await expect.poll(() => source.silentMs).toBeGreaterThanOrEqual(0);
  });

  it("are followed no longer when it is closed", async () => {
    const { api, source, watch } = await startWithThree();
    source.close();
    await watch.gone;
    await expect.poll(() => api.connections).toBe(0);
    expect(source.replicas).toBe(3);
  });
});
