import { ShardcastError, type TopicSpec } from "@shardcast/protocol";
import kafkajs, { type Admin, type IResourceConfigEntry } from "kafkajs";
import type { AdminClient } from "./admin-client.ts";
import { toShardcastError } from "./classify.ts";

/** Creates what is missing and verifies what exists; see `Log.ensureTopics`. */
export async function ensureTopics(
  client: AdminClient,
  specs: readonly TopicSpec[],
  replicationFactor: number | undefined,
): Promise<void> {
  if (specs.length === 0) return;
  try {
    // A topic just created is unknown to some brokers for a moment.
    await client.call("topics", (admin) => ensure(admin, specs, replicationFactor), [
      "moving",
      "bug",
      "unknown-topic",
    ]);
  } catch (error) {
    throw toShardcastError(error, "topics");
  }
}

async function ensure(admin: Admin, specs: readonly TopicSpec[], replicationFactor = -1): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = specs.filter(({ name }) => !existing.has(name));
  if (missing.length > 0) {
    // Another process may create the same topics at this moment: kafkajs resolves to false for those, not an error.
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((spec) => ({
        topic: spec.name,
        numPartitions: spec.partitions,
        replicationFactor,
        configEntries: configOf(spec),
      })),
    });
  }
  const faults = await findFaults(admin, specs);
  if (faults.length > 0) {
    throw new ShardcastError("SHARDCAST_TOPIC_MISMATCH", faults.join("; "), { extensions: { faults } });
  }
}

/** By default a compacted topic is left alone until half of it is dirty: too long for one that wants short segments. */
const MIN_DIRTY_RATIO = 0.1;

function configOf(spec: TopicSpec): IResourceConfigEntry[] {
  const { cleanup, retentionMs, segmentMs, segmentBytes, minCompactionLagMs } = spec;
  const dirtyRatio = segmentMs !== undefined && cleanup !== "delete" ? MIN_DIRTY_RATIO : undefined;
  const config = {
    "cleanup.policy": cleanup,
    "retention.ms": retentionMs,
    "segment.ms": segmentMs,
    "segment.bytes": segmentBytes,
    "min.compaction.lag.ms": minCompactionLagMs,
    "min.cleanable.dirty.ratio": dirtyRatio,
  };
  return Object.entries(config).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value: String(value) }],
  );
}

async function findFaults(admin: Admin, specs: readonly TopicSpec[]): Promise<string[]> {
  const names = specs.map(({ name }) => name);
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name,
      configNames: ["cleanup.policy"],
    })),
  });
  return specs.flatMap(({ name, partitions, cleanup }) => {
    const faults: string[] = [];
    const found = topics.find((topic) => topic.name === name)?.partitions.length;
    if (found !== partitions) faults.push(`topic ${name} has ${found} partitions, not ${partitions}`);
    const policy =
      resources.find(({ resourceName }) => resourceName === name)?.configEntries[0]?.configValue ?? "";
    if (normalise(policy) !== normalise(cleanup)) {
      faults.push(`topic ${name} has cleanup policy ${policy}, not ${cleanup}`);
    }
    return faults;
  });
}

/** `delete,compact` and `compact,delete` are the same policy. */
export function normalise(policy: string): string {
  return policy
    .split(",")
    .map((each) => each.trim())
    .sort()
    .join(",");
}
