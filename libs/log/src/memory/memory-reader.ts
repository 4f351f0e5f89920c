import { Milestones } from "../driver/index.ts";
import type { LogReader, ReaderOptions, StartFrom } from "../reader.ts";
import type { MemoryCluster } from "./memory-cluster.ts";
import type { MemoryPartition } from "./memory-partition.ts";
import { assertAvailable, closedError } from "./refusals.ts";

/** A partition that was started, and where it stands. */
interface Cursor {
  readonly source: MemoryPartition;
  position: number;
  paused: boolean;
}

/** Records handed over at once: the other partitions get their turn in between. */
const BATCH = 100;

/**
 * Opens a reader; `onClose` tells the connection that it is gone. Isolation and waiting times make no difference here: a
 * commit is there at once and whole, and so is every record.
 */
export function openMemoryReader(
  cluster: MemoryCluster,
  { topics, start = [], onRecords }: ReaderOptions,
  onClose: (reader: LogReader) => void,
): LogReader {
  const cursors = new Map<string, Cursor>();
  const milestones = new Milestones();
  let scheduled = false;
  let closed = false;

  // Never inside append: a writer must not run its readers' code, as it never does over a network.
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(deliver);
  }

  function deliver(): void {
    scheduled = false;
    try {
      for (const key of [...cursors.keys()]) {
        // looked up anew for each: a callback may have paused it, started it again or closed the reader
        const cursor = cursors.get(key);
        if (cursor !== undefined && hasWork(cursor)) handOver(key, cursor);
      }
    } finally {
      if ([...cursors.values()].some(hasWork)) schedule();
    }
  }

  function hasWork(cursor: Cursor): boolean {
    return cluster.available && !cursor.paused && cursor.position < cursor.source.end;
  }

  function handOver(key: string, cursor: Cursor): void {
    const records = cursor.source.read(cursor.position, BATCH);
    const last = records.at(-1);
    if (last === undefined) return;
    cursor.position = last.offset + 1; // before the callback: if that throws, nothing is delivered twice
    try {
      onRecords(records);
    } finally {
      milestones.passed(key, cursor.position);
    }
  }

  function begin(topic: string, partition: number, from: StartFrom): number {
    const source = topics.includes(topic) ? cluster.partition(topic, partition) : undefined;
    if (source === undefined) throw new RangeError(`this reader has no ${topic}/${partition}`);
    const key = cursorKey(topic, partition);
    const position = startOffset(source, from);
    // set anew, also when it was started before: the old run ends here, paused or not
    cursors.set(key, { source, position, paused: false });
    milestones.passed(key, position);
    schedule();
    return position;
  }

  for (const { topic, partition, from } of start) begin(topic, partition, from);
  const stopListening = cluster.listen(schedule);

  const reader: LogReader = {
    async start(topic, partition, from) {
      if (closed) throw closedError("reader");
      assertAvailable(cluster);
      return begin(topic, partition, from);
    },

    pause(topic, partition) {
      const cursor = cursors.get(cursorKey(topic, partition));
      if (cursor !== undefined) cursor.paused = true;
    },

    resume(topic, partition) {
      const cursor = cursors.get(cursorKey(topic, partition));
      if (cursor === undefined) return;
      cursor.paused = false;
      schedule();
    },

    async reached(topic, partition, offset) {
      if (closed) throw closedError("reader");
      const key = cursorKey(topic, partition);
      const cursor = cursors.get(key);
      if (cursor === undefined) throw new RangeError(`${topic}/${partition} is not started`);
      if (cursor.position < offset) await milestones.wait(key, offset);
    },

    async close() {
      if (closed) return;
      closed = true;
      stopListening();
      cursors.clear(); // so that a delivery on its way finds nothing
      milestones.close(closedError("reader"));
      onClose(reader);
    },
  };
  return reader;
}

function startOffset(source: MemoryPartition, from: StartFrom): number {
  if (from === "latest") return source.end;
  if (from === "earliest") return source.earliest;
  if (!Number.isSafeInteger(from) || from < 0) throw new RangeError(`${from} is not an offset`);
  return Math.max(from, source.earliest);
}

function cursorKey(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
