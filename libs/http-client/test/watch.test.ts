import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { failure } from "./behaviour.ts";
import { answer, EventSource, fakeGateway, problem, unreachable } from "./support/fake-gateway.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const JSON_TYPE = { "content-type": "application/json" };
const LANE = {
  lane: 1,
  ordinal: 2,
  state: "owned",
  member: "2",
  url: "http://a:1",
  fencingToken: 9,
} as const;
const PLACE = {
  ...{ pod: "accounts-2", podUid: "uid-2", dnsName: "accounts-2.accounts.bank.svc.cluster.local" },
  ...{ address: "10.0.0.2", addresses: ["10.0.0.2", "fd00::2"], ports: { http: 3_000 } },
  ...{ ready: true, terminating: false },
} as const;
const MAP = { service: "accounts", epoch: 3, replicas: 3 } as const;
const OWNER = { ...MAP, ...LANE, ...PLACE, discoveryAgeMs: 12 } as const;
const SHARDS = {
  ...MAP,
  lanes: [LANE],
  members: [{ member: "2", state: "up", url: "http://a:1", ...PLACE }],
  discoveryAgeMs: 12,
} as const;
const TOLD_OWNER = { ...OWNER, key: "carol" };
const TOLD_SHARDS = { ...SHARDS, lanes: [{ ...LANE, lag: 4 }] };

/** Who reads who has a key, and the first stream that he gets. */
function watching() {
  const gateway = fakeGateway();
  const source = new EventSource();
  gateway.plan(source.step);
  const owners = gateway.client.watchOwner("accounts", "a/b")[Symbol.asyncIterator]();
  const tell = (data: object, event = "owner", by = source) =>
    by.send(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  return { ...gateway, source, owners, tell };
}

test("an answer says where members run, and how old that is", async () => {
  const { client, plan } = fakeGateway();
  plan(answer(200, TOLD_OWNER, JSON_TYPE), answer(200, TOLD_SHARDS, JSON_TYPE));
  expect(await client.owner("accounts", "carol")).toEqual(OWNER);
  expect(await client.shards("accounts")).toEqual(SHARDS);
});

describe("who watches", () => {
  test("is told how it stands as it changes", async () => {
    const { owners, tell, sent } = watching();
    const first = owners.next();
    await vi.advanceTimersByTimeAsync(1);
    expect(sent[0]?.path).toBe("/v1/accounts/keys/a%2Fb/events");
    tell(TOLD_OWNER);
    expect((await first).value).toEqual(OWNER);
    const second = owners.next();
    tell({}, "news");
    tell({ nothing: "of an owner" });
    tell({ ...TOLD_OWNER, ready: false });
    expect((await second).value).toEqual({ ...OWNER, ready: false });
    await owners.return?.();
  });

  test("is told of all lanes in the same way", async () => {
    const { client, plan, sent } = fakeGateway();
    const source = new EventSource();
    plan(source.step);
    const shards = client.watchShards("accounts")[Symbol.asyncIterator]();
    const first = shards.next();
    await vi.advanceTimersByTimeAsync(1);
    expect(sent[0]?.path).toBe("/v1/accounts/shards/events");
    source.send(`event: shards\ndata: ${JSON.stringify(TOLD_SHARDS)}\n\n`);
    expect((await first).value).toEqual(SHARDS);
    await shards.return?.();
  });

  test("is not told again what he knows when a stream that broke is taken up", async () => {
    const { owners, source, tell, plan, sent } = watching();
    const next = new EventSource();
    plan(unreachable, problem("SHARDCAST_CLOSED"), next.step);
    const first = owners.next();
    await vi.advanceTimersByTimeAsync(1);
    tell(TOLD_OWNER);
    await first;
    const second = owners.next();
    source.break();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(sent).toHaveLength(4);
    expect(sent.some(({ headers }) => headers.has("last-event-id"))).toBe(false);
    // How old it is, is no news.
    tell({ ...TOLD_OWNER, discoveryAgeMs: 13 }, "owner", next);
    tell({ ...TOLD_OWNER, state: "released" }, "owner", next);
    expect((await second).value).toMatchObject({ state: "released" });
    await owners.return?.();
    expect(next.cancelled).toBe(true);
  });

  test("is told of what does not pass", async () => {
    const { client, plan } = fakeGateway();
    plan(problem("SHARDCAST_INVALID_KEY"));
    const owners = client.watchOwner("accounts", "four")[Symbol.asyncIterator]();
    expect((await failure(owners.next())).code).toBe("SHARDCAST_INVALID_KEY");
  });
});
