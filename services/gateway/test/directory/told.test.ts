import type { Owner, Shards } from "@shardcast/client";
import { describe, expect, it } from "vitest";
import type { MemberPod, MemberPods } from "../../src/directory/member-pods.ts";
import { toldOwner, toldShards } from "../../src/directory/told.ts";
import { gatewayOpenApi } from "../../src/documents/gateway-openapi.ts";

const owned: Owner = {
  ...{ service: "accounts", epoch: 3, replicas: 2, lane: 1, ordinal: 0 },
  ...{ state: "owned", member: "1", url: "http://accounts-1:3000", fencingToken: 9 },
};

function podOf(member: string): MemberPod {
  return {
    ...{ pod: `accounts-${member}`, uid: `uid-${member}`, dnsName: `accounts-${member}.accounts.bank.svc` },
    ...{
      addresses: [`10.0.0.${member}`, "fd00::1"],
      ports: { http: 3_000 },
      ready: true,
      terminating: false,
    },
  };
}

function pods(known: readonly MemberPod[], silentMs: number | undefined = 12.4): MemberPods {
  return {
    silentMs,
    podOf: (member) => known.find(({ pod }) => pod === `accounts-${member}`),
    watch: () => () => undefined,
  };
}

const json = (item: object) => JSON.parse(JSON.stringify(item));
const both = pods([podOf("0"), podOf("1")]);

const told = (member: string) => {
  const { uid, ...pod } = podOf(member);
  return { ...pod, podUid: uid, address: `10.0.0.${member}` };
};

describe("what is told of an owner", () => {
  it("has the pod of who owns the lane now, wherever the map wants it", () => {
    expect(json(toldOwner("k", owned, both))).toEqual({
      ...owned,
      ...told("1"),
      ...{ key: "k", discoveryAgeMs: 12 },
    });
  });

  it.each(["free", "released"] as const)(
    "has the pod of whom the map gives the lane to while it is %s",
    (state) => {
      const { member: _member, url: _url, fencingToken: _token, ...lane } = owned;
      const answer = json(toldOwner("k", { ...lane, state }, both));
      expect(answer).toEqual({ ...lane, ...told("0"), ...{ state, key: "k", discoveryAgeMs: 12 } });
    },
  );

  it("has nothing of a pod that is not known, nor how old what is known is before anything is", () => {
    const plain = { ...owned, key: "k" };
    expect(json(toldOwner("k", owned, pods([podOf("0")])))).toEqual({ ...plain, discoveryAgeMs: 12 });
    expect(json(toldOwner("k", owned, { ...pods([]), silentMs: undefined }))).toEqual(plain);
    expect(json(toldOwner("k", owned, undefined))).toEqual(plain);
  });

  it("has no address of a pod that has none yet", () => {
    const starting = { ...podOf("1"), addresses: [], dnsName: undefined, ready: false };
    const answer = json(toldOwner("k", owned, pods([starting])));
    expect(answer).toMatchObject({ pod: "accounts-1", addresses: [], ready: false });
    expect(answer).not.toHaveProperty("address");
    expect(answer).not.toHaveProperty("dnsName");
  });
});

describe("what is told of the shards", () => {
  const { service, epoch, replicas, ...lane } = owned;
  const shards: Shards = {
    ...{ service, epoch, replicas, lanes: [lane] },
    members: [
      { member: "1", state: "up", url: "http://accounts-1:3000" },
      { member: "7", state: "left" },
    ],
  };

  it("has the pod of each member that has one", () => {
    expect(json(toldShards(shards, [0, 5], both))).toEqual({
      ...{ service, epoch, replicas, discoveryAgeMs: 12 },
      lanes: [{ ...lane, lag: 5 }],
      members: [
        { member: "1", state: "up", url: "http://accounts-1:3000", ...told("1") },
        { member: "7", state: "left" },
      ],
    });
  });
});

describe("the OpenAPI document", () => {
  type Schema = { readonly properties: object; readonly required: readonly string[] };
  const { schemas } = gatewayOpenApi().components as unknown as { schemas: Record<string, Schema> };
  const { service, epoch, replicas, ...lane } = owned;
  const members = [{ member: "1", state: "up", url: "http://accounts-1:3000" }] as const;
  const shards = json(toldShards({ service, epoch, replicas, lanes: [lane], members }, [0, 1], both));

  it.each([
    ["Owner", json(toldOwner("k", owned, both))],
    ["Shards", shards],
    ["LaneOwner", shards.lanes[0]],
    ["Member", shards.members[0]],
  ])("describes all that is told of %s, and no more", (name, told) => {
    const { properties, required } = schemas[name] as Schema;
    expect(Object.keys(properties).sort()).toEqual(Object.keys(told).sort());
    expect(Object.keys(properties)).toEqual(expect.arrayContaining([...required]));
  });
});
