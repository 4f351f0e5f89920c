import type { AppendRecord, LogRecord } from "@shardcast/log";
import type { RecordHeaders } from "@shardcast/protocol";

const EMPTY = Buffer.alloc(0);

/** The same record once more, for the end of its partition. Headers as they are, also those that we do not know. */
export function copyOf({ topic, partition, key, value, headers }: LogRecord): AppendRecord {
  const copied = Object.entries(headers).map(([name, header]) => {
    // A stranger may leave a value out; our own writers never do.
    const whole = Array.isArray(header) ? header.map((one) => one ?? EMPTY) : (header ?? EMPTY);
    return [name, whole as RecordHeaders[string]];
  });
  return { topic, partition, key, value, headers: Object.fromEntries(copied) };
}
