import { readFile } from "node:fs/promises";
import { setInterval } from "node:timers/promises";
import type { ServiceRoute } from "@shardcast/client";
import type { ReplicaSource } from "@shardcast/control";
import { MAX_LANES } from "@shardcast/protocol";
import type { Logger } from "pino";
import { z } from "zod";

/**
 * Asked for again, not watched: a ConfigMap changes by a link that is put in the place of another, which notifications of the file
 * system miss.
 */
const POLL_MS = 1_000;

const document = z.record(z.string(), z.number().int().min(1).max(MAX_LANES));

export interface ReplicasFileOptions {
  readonly path: string;
  readonly services: Readonly<Record<string, ServiceRoute>>;
  readonly logger: Logger;
  /** How often it is looked at, milliseconds. Default 1,000. */
  readonly pollMs?: number;
}

/**
 * A JSON file that says how many replicas of each service are wanted now, `{"accounts": 4}`. While it is bad or missing, what
 * it said last counts; of a service that it does not name, what was configured.
 */
export class ReplicasFile {
  readonly #options: ReplicasFileOptions;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<() => void>();
  /** What it said last that made sense. */
  #text: string | undefined;
  #wanted: ReadonlyMap<string, number> = new Map();
  #fault: string | undefined;

  private constructor(options: ReplicasFileOptions) {
    this.#options = options;
  }

  /** Resolves when the file was read once. */
  static async open(options: ReplicasFileOptions): Promise<ReplicasFile> {
    const file = new ReplicasFile(options);
    await file.#read();
    void file.#poll();
    return file;
  }

  /** @param configured what counts while the file does not name the service */
  sourceOf(service: string, configured: number): ReplicaSource {
    const wanted = () => this.#wanted.get(service) ?? configured;
    return {
      get replicas() {
        return wanted();
      },
      watch: (listener) => {
        let last = wanted();
        const look = () => {
          const now = wanted();
          if (now === last) return;
          last = now;
          listener();
        };
        this.#listeners.add(look);
        return () => this.#listeners.delete(look);
      },
    };
  }

  /** Looks no more; what the file said last goes on counting. */
  close(): void {
    this.#closing.abort();
  }

  async #poll(): Promise<void> {
    const { signal } = this.#closing;
    const { pollMs = POLL_MS } = this.#options;
    try {
      for await (const _ of setInterval(pollMs, undefined, { signal, ref: false })) await this.#read();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #read(): Promise<void> {
    const { path, logger } = this.#options;
    try {
      const text = await readFile(path, "utf8");
      if (text === this.#text && this.#fault === undefined) return;
      this.#wanted = this.#parse(text);
      this.#text = text;
      this.#fault = undefined;
      logger.info({ path, replicas: Object.fromEntries(this.#wanted) }, "replicas wanted");
      for (const listener of [...this.#listeners]) listener();
    } catch (error) {
      const fault = (error as Error).message;
      // When the reason changes, not every second.
      if (fault !== this.#fault)
        logger.warn({ err: error, path }, "not the replicas wanted; keeping the last ones");
      this.#fault = fault;
    }
  }

  #parse(text: string): ReadonlyMap<string, number> {
    const wanted = new Map(Object.entries(document.parse(JSON.parse(text))));
    for (const [service, { lanes }] of Object.entries(this.#options.services)) {
      const replicas = wanted.get(service);
      if (lanes !== undefined && replicas !== undefined && replicas > lanes)
        throw new RangeError(`${service} has ${lanes} lanes, which is too few for ${replicas} replicas`);
    }
    return wanted;
  }
}
