import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { AppendRecord } from "@shardcast/log";
import { headerText } from "@shardcast/protocol";
import type { AppendResult, Fate, Holdings, PlainRecord, StuckLane } from "./messages.ts";
import { ECHO_SERVICE, KEPT_RECORDS, LANES, SERVICES } from "./settings.ts";
import type { System } from "./system.ts";

const POLL_MS = 2;
/** Below what a worker queues and what a partition keeps. */
const CHUNK = 20;
const CLIENT_REQUESTS = 6;

/** Appends records as any Kafka client could, and finds out what came of each. */
export async function append(
  system: System,
  records: readonly PlainRecord[],
  limitMs: number,
): Promise<AppendResult> {
  const { log, traffic } = system;
  traffic.clear();
  const asked = askAsClient(system, limitMs);
  const receipts = await Promise.all(
    records.map((record) =>
      log.append(record as AppendRecord).then(
        ({ offset }) => ({ offset }),
        (error: unknown) => ({ refused: String(error) }),
      ),
    ),
  );
  const clientFaults = await asked;
  const stuck = await untilSettled(system, limitMs);
  // The readers of the dead letters and replies get theirs a turn of the loop later.
  for (let i = 0; i < 20; i++) await turn();
  const fates = records.map((record, index): Fate => {
    const receipt = receipts[index] as { offset: number } | { refused: string };
    if ("refused" in receipt) return receipt;
    const dead = traffic.dead.get(`${record.topic}/${record.partition}/${receipt.offset}`);
    const reply = traffic.replies.get(headerText(record.headers as never, "sc-id") ?? "");
    return {
      offset: receipt.offset,
      ...(dead === undefined ? {} : { dead: dead.code, deadReason: dead.reason }),
      ...(reply === undefined ? {} : reply),
    };
  });
  traffic.clear();
  return { fates, stuck, clientFaults };
}

/** Requests of a caller that has nothing to do with the records beside it. */
async function askAsClient({ client }: System, timeoutMs: number): Promise<string[]> {
  const faults = Array.from({ length: CLIENT_REQUESTS }, async (_, index) => {
    const body = `client ${index}`;
    try {
      const answer = await client.request(ECHO_SERVICE, `client key ${index}`, body, { timeoutMs });
      return answer.body.toString() === body ? [] : [`${answer.status} ${answer.body}`];
    } catch (error) {
      return [String(error)];
    }
  });
  return (await Promise.all(faults)).flat();
}

/** Waits until everything on the lanes is done; names the lanes where it is not in time. */
export async function untilSettled({ cluster }: System, limitMs: number): Promise<StuckLane[]> {
  const behind = () =>
    SERVICES.flatMap((service) =>
      Array.from({ length: LANES }, (_, lane) => {
        const topic = `${service}.requests`;
        const end = cluster.partition(topic, lane)?.end ?? 0;
        const done = cluster.progressOf(service, topic, lane)?.offset ?? 0;
        return done === end ? [] : [{ topic, partition: lane, lowWaterMark: done, end }];
      }).flat(),
    );
  const endMs = performance.now() + limitMs;
  let left = behind();
  while (left.length > 0 && performance.now() < endMs) {
    await sleep(POLL_MS);
    left = behind();
  }
  return left;
}

/** What is held when nothing is under way. The log is filled with small records first, the same each time. */
export async function measure(system: System, limitMs: number): Promise<Holdings> {
  await displaceRecords(system, limitMs);
  // Every connection of the fuzzer is closed by now; give the gateway time to notice.
  const endMs = performance.now() + limitMs;
  let before = Number.POSITIVE_INFINITY;
  for (;;) {
    const heapBytes = collect();
    const settled = before - heapBytes < 100_000 && system.gateway.pending === 0;
    if (settled || performance.now() > endMs) {
      const pending = system.gateway.pending + system.client.pending;
      return { heapBytes, pending, resources: countResources() };
    }
    before = heapBytes;
    await sleep(100);
  }
}

function collect(): number {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error("the target needs --expose-gc");
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

/** Timers come and go with commits and HTTP dates: they are no handles that could be lost. */
function countResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== "Timeout" && kind !== "Immediate") counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

async function displaceRecords(system: System, limitMs: number): Promise<void> {
  const { cluster, log } = system;
  const topics = SERVICES.flatMap((service) => [
    `${service}.dead`,
    `${service}.replies`,
    `${service}.requests`,
  ]);
  // A partition cuts off what it dropped in one go, when that is as much as it keeps.
  for (let written = 0; written < KEPT_RECORDS * 2 + CHUNK; written += CHUNK) {
    const receipts: Promise<unknown>[] = [];
    for (const topic of topics) {
      const partitions = cluster.specOf(topic)?.partitions ?? 0;
      for (let partition = 0; partition < partitions; partition++) {
        for (let i = 0; i < CHUNK; i++) {
          receipts.push(log.append({ topic, partition, key: Buffer.from("k"), value: null, headers: {} }));
        }
      }
    }
    await Promise.all(receipts);
    await untilSettled(system, limitMs);
  }
}
