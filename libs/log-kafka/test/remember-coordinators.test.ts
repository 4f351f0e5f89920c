import { Kafka, logLevel } from "kafkajs";
import { describe, expect, it } from "vitest";
import { type Cluster, type CreateCluster, hookClusters } from "../src/cluster-hook.ts";
import { rememberCoordinators } from "../src/remember-coordinators.ts";

const TRANSACTIONS = { groupId: "shardcast.accounts.2", coordinatorType: 1 };
const GROUP = { groupId: "accounts", coordinatorType: 0 };

/** A cluster as kafkajs makes it, whose requests are answered by the test. */
function clusterOf(answer: (asked: string) => Promise<unknown>): Cluster {
  const kafka = new Kafka({ brokers: ["127.0.0.1:1"], logLevel: logLevel.NOTHING });
  let made: CreateCluster | undefined;
  hookClusters(kafka, (create) => (options) => {
    const cluster = create(options);
    cluster.findGroupCoordinatorMetadata = ({ groupId }) => answer(groupId);
    return cluster;
  });
  rememberCoordinators(kafka);
  hookClusters(kafka, (create) => {
    made = create;
    return create;
  });
  return (made as CreateCluster)({});
}

describe("a coordinator", () => {
  it("is looked up once, and each of its own", async () => {
    const asked: string[] = [];
    const cluster = clusterOf(async (name) => {
      asked.push(name);
      return name.length;
    });
    for (let i = 0; i < 3; i++) {
      expect(await cluster.findGroupCoordinatorMetadata(TRANSACTIONS)).toBe(20);
      expect(await cluster.findGroupCoordinatorMetadata(GROUP)).toBe(8);
    }
    expect(asked).toEqual(["shardcast.accounts.2", "accounts"]);
  });

  it("is asked for again when nobody knew it", async () => {
    let known = false;
    const cluster = clusterOf(async () => {
      if (!known) throw new Error("not available");
      return "broker 1";
    });
    await expect(cluster.findGroupCoordinatorMetadata(GROUP)).rejects.toThrow("not available");
    known = true;
    expect(await cluster.findGroupCoordinatorMetadata(GROUP)).toBe("broker 1");
  });
});

it("says so when kafkajs is not the one the driver was made for", () => {
  expect(() => rememberCoordinators({} as Kafka)).toThrow("not the kafkajs");
});
