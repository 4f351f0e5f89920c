import { setImmediate as nextTurn } from "node:timers/promises";
import type { Ledger } from "@shardcast/accounts";
import type { Log, LogReader, MemberSession } from "@shardcast/log";

/**
 * The life of a replica that shares its process with others. All its I/O goes through {@link Life.step}; after
 * {@link Life.end} nothing comes back from there, so nothing goes on behind it: no answer, no commit, no clean-up. What
 * the operating system was already doing is finished, as after a `kill -9`.
 */
export class Life {
  readonly #running = new Set<Promise<unknown>>();
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
  }

  async step<T>(io: () => Promise<T>): Promise<T> {
    if (this.#ended) return never();
    const running = io();
    this.#running.add(running);
    try {
      const result = await running;
      return this.#ended ? await never() : result;
    } catch (error) {
      if (this.#ended) return never();
      throw error;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Resolves when the operating system has finished what it was doing. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
    await nextTurn();
  }
}

function never(): Promise<never> {
  return new Promise<never>(() => {});
}

/** A ledger that its replica can not use any more when it is dead. */
export function mortalLedger(ledger: Ledger, life: Life, onSaved: () => void): Ledger {
  return {
    fileOf: ledger.fileOf,
    load: (account) => life.step(() => ledger.load(account)),
    save: (account, state, owner) => life.step(() => ledger.save(account, state, owner).then(onSaved)),
    fence: (owner) => life.step(() => ledger.fence(owner)),
  };
}

/** A connection to the log that its replica can not use any more when it is dead. */
export function mortalLog(log: Log, life: Life): Log {
  return {
    get available() {
      return log.available;
    },
    ensureTopics: (specs) => life.step(() => log.ensureTopics(specs)),
    partitionsOf: (topic) => life.step(() => log.partitionsOf(topic)),
    rangesOf: (topic) => life.step(() => log.rangesOf(topic)),
    progressOf: (service, topic) => life.step(() => log.progressOf(service, topic)),
    append: (record) => life.step(() => log.append(record)),
    assertFits: (record) => log.assertFits(record),
    openReader: ({ onRecords, ...options }) =>
      life.step(async () => {
        const hear = (records: Parameters<typeof onRecords>[0]) => {
          if (!life.ended) onRecords(records);
        };
        return mortalReader(await log.openReader({ ...options, onRecords: hear }), life);
      }),
    openSession: (options) => life.step(async () => mortalSession(await log.openSession(options), life)),
    close: () => life.step(() => log.close()),
  };
}

function mortalReader(reader: LogReader, life: Life): LogReader {
  return {
    start: (topic, partition, from) => life.step(() => reader.start(topic, partition, from)),
    pause: (topic, partition) => reader.pause(topic, partition),
    resume: (topic, partition) => reader.resume(topic, partition),
    reached: (topic, partition, offset) => life.step(() => reader.reached(topic, partition, offset)),
    close: () => life.step(() => reader.close()),
  };
}

function mortalSession(session: MemberSession, life: Life): MemberSession {
  return {
    commit: (work) => life.step(() => session.commit(work)),
    close: () => life.step(() => session.close()),
  };
}
