import type { LogRecord } from "@shardcast/log";
import { createMemoryLog, type MemoryCluster } from "@shardcast/log/memory";

/** All records that lie in a topic's partition now, read like anyone with a consumer would. */
export async function readTopic(
  cluster: MemoryCluster,
  topic: string,
  partition: number,
): Promise<LogRecord[]> {
  const log = createMemoryLog({ cluster });
  const found: LogRecord[] = [];
  let onMore = () => {};
  try {
    const reader = await log.openReader({
      topics: [topic],
      onRecords: (records) => {
        found.push(...records);
        onMore();
      },
    });
    const end = await reader.start(topic, partition, "latest");
    await reader.start(topic, partition, "earliest");
    while ((found.at(-1)?.offset ?? -1) < end - 1) {
      await new Promise<void>((resolve) => {
        onMore = resolve;
      });
    }
    return found.filter(({ offset }) => offset < end);
  } finally {
    await log.close();
  }
}
