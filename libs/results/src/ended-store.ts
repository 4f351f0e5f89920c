import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ResultEnd } from "@shardcast/protocol";
import { type Database, open, type RootDatabase } from "lmdb";
import type { Logger } from "pino";
import { fromBytes, toBytes } from "./stored-result.ts";

export interface EndedStoreOptions {
  /** Where the file is to be; the system's folder for such things where absent. */
  readonly folder: string | undefined;
  /** Called when what waits to be written has become less. */
  readonly onWritten: () => void;
  readonly logger: Logger | undefined;
}

interface Unwritten {
  readonly bytes: Buffer;
  readonly atMs: number;
}

/** Written in one transaction: the event loop gets its turn in between. */
const BATCH = 500;
/** After a write that failed, e.g. for want of room. */
const RETRY_MS = 1_000;
const TIME_BYTES = 8;
const NOTHING = Buffer.alloc(0);
const BINARY = { encoding: "binary", keyEncoding: "binary" } as const;

/**
 * Results of requests that ended, in a file (LMDB): bodies do not stay in memory (C7). The file is a copy of what is on the
 * log, of no use to anybody later: nothing waits for the disk, and it ends with the process.
 */
export class EndedStore {
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #ends: Database<Buffer, Buffer>;
  /** Time and id of each end, in the order in which they are dropped. */
  readonly #times: Database<Buffer, Buffer>;
  readonly #options: EndedStoreOptions;
  readonly #folder: string;
  /** As they are to be written, by id; the oldest first. */
  readonly #unwritten = new Map<string, Unwritten>();
  #unwrittenBytes = 0;
  #writing: "no" | "soon" | "later" = "no";
  #closed = false;

  static async open(options: EndedStoreOptions): Promise<EndedStore> {
    const folder = await mkdtemp(join(options.folder ?? tmpdir(), "shardcast-results-"));
    const root = open<Buffer, Buffer>({ path: folder, maxDbs: 2, noSync: true, ...BINARY });
    // While it is open, a file needs no name: so not even a process that is killed leaves anything behind. Not on every system.
    await rm(folder, { recursive: true, force: true }).catch(() => {});
    return new EndedStore(options, folder, root);
  }

  private constructor(options: EndedStoreOptions, folder: string, root: RootDatabase<Buffer, Buffer>) {
    this.#options = options;
    this.#folder = folder;
    this.#root = root;
    this.#ends = root.openDB({ name: "ends", ...BINARY });
    this.#times = root.openDB({ name: "times", ...BINARY });
  }

  /** Those that are written. */
  get size(): number {
    return this.#closed ? 0 : (this.#ends.getStats() as { readonly entryCount: number }).entryCount;
  }

  /** Held in memory until it is written. */
  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  get(id: string): ResultEnd | undefined {
    const { bytes = this.#closed ? undefined : this.#ends.get(Buffer.from(id)) } =
      this.#unwritten.get(id) ?? {};
    return bytes && fromBytes(bytes);
  }

  put(result: ResultEnd): void {
    if (this.#closed) return;
    this.#forget(result.id);
    // Not the result: its body would keep the whole answer of the log that it came in.
    const bytes = toBytes(result);
    this.#unwritten.set(result.id, { bytes, atMs: result.atMs });
    this.#unwrittenBytes += bytes.byteLength;
    this.#writeSoon();
  }

  /** Drops what ended before this time, epoch ms, the oldest first; at most so many. Resolves to how many it looked at. */
  async dropBefore(beforeMs: number, most: number): Promise<number> {
    if (this.#closed) return 0;
    const due = [...this.#times.getKeys({ end: timeKey(beforeMs, NOTHING), limit: most })];
    const dropped = due.flatMap((key) => {
      const id = key.subarray(TIME_BYTES);
      // Replaced since: its newer end has an entry of its own.
      const isOld = (this.get(id.toString("utf8"))?.atMs ?? 0) < beforeMs;
      return [this.#times.remove(key), ...(isOld ? [this.#ends.remove(id)] : [])];
    });
    await Promise.all(dropped);
    return due.length;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#root.close();
    this.#unwritten.clear();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #writeSoon(): void {
    if (this.#writing !== "no") return;
    this.#writing = "soon";
    setImmediate(() => this.#write());
  }

  /** Writes the oldest ones. In one go: a promise for each would cost more time and memory than the write. */
  #write(): void {
    this.#writing = "no";
    if (this.#closed) return;
    const batch: [id: string, Unwritten][] = [];
    for (const entry of this.#unwritten) {
      if (batch.push(entry) === BATCH) break;
    }
    try {
      this.#root.transactionSync(() => {
        for (const [id, { bytes, atMs }] of batch) {
          const key = Buffer.from(id);
          this.#ends.putSync(key, bytes);
          this.#times.putSync(timeKey(atMs, key), NOTHING);
        }
      });
    } catch (error) {
      this.#options.logger?.error({ err: error }, "results can not be written to the file; trying on");
      this.#writing = "later";
      setTimeout(() => this.#write(), RETRY_MS).unref();
      return;
    }
    for (const [id] of batch) this.#forget(id);
    if (this.#unwritten.size > 0) this.#writeSoon();
    this.#options.onWritten();
  }

  #forget(id: string): void {
    this.#unwrittenBytes -= this.#unwritten.get(id)?.bytes.byteLength ?? 0;
    this.#unwritten.delete(id);
  }
}

function timeKey(atMs: number, id: Buffer): Buffer {
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(atMs));
  return Buffer.concat([time, id]);
}
