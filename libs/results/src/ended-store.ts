import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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
  readonly result: ResultEnd;
  readonly bytes: number;
}

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
  readonly #unwritten = new Map<string, Unwritten>();
  #unwrittenBytes = 0;
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
    const unwritten = this.#unwritten.get(id);
    if (unwritten !== undefined) return unwritten.result;
    const bytes = this.#closed ? undefined : this.#ends.get(Buffer.from(id));
    return bytes && fromBytes(bytes);
  }

  put(result: ResultEnd): void {
    if (this.#closed) return;
    const { id } = result;
    this.#forget(id);
    const bytes = toBytes(result);
    const unwritten = { result, bytes: bytes.byteLength };
    this.#unwritten.set(id, unwritten);
    this.#unwrittenBytes += unwritten.bytes;
    void this.#write(unwritten, bytes);
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

  async #write(unwritten: Unwritten, bytes: Buffer): Promise<void> {
    const { id, atMs } = unwritten.result;
    const key = Buffer.from(id);
    while (!this.#closed && this.#unwritten.get(id) === unwritten) {
      try {
        // In the order they were called, in one transaction.
        const written = this.#ends.put(key, bytes);
        await Promise.all([written, this.#times.put(timeKey(atMs, key), NOTHING)]);
        if (this.#unwritten.get(id) === unwritten) this.#forget(id);
        this.#options.onWritten();
      } catch (error) {
        if (this.#closed) return;
        this.#options.logger?.error({ err: error }, "results can not be written to the file; trying on");
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  #forget(id: string): void {
    this.#unwrittenBytes -= this.#unwritten.get(id)?.bytes ?? 0;
    this.#unwritten.delete(id);
  }
}

function timeKey(atMs: number, id: Buffer): Buffer {
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(atMs));
  return Buffer.concat([time, id]);
}
