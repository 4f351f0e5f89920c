import { readFile } from "node:fs/promises";
import { setInterval } from "node:timers/promises";
import { ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";
import { unserved } from "../options.ts";
import { type ProxyRule, parseRules } from "./schema.ts";

/** As for the file of replicas: notifications of the file system miss how a ConfigMap changes. */
const POLL_MS = 1_000;

export interface RulesFileOptions {
  readonly path: string;
  readonly services: Readonly<Record<string, unknown>>;
  readonly logger: Logger;
  /** Told what the file says, whenever that is something else and makes sense. */
  readonly onRules: (rules: readonly ProxyRule[]) => void;
  /** How often it is looked at, milliseconds. Default 1,000. */
  readonly pollMs?: number;
}

/** Rules of the proxy in a YAML or JSON file. While it is bad or missing, what it said last counts. */
export class RulesFile {
  readonly #options: RulesFileOptions;
  readonly #closing = new AbortController();
  #text: string | undefined;
  #fault: string | undefined;

  private constructor(options: RulesFileOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the file was read once.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG for a file that is bad or missing: nothing was said before
   */
  static async open(options: RulesFileOptions): Promise<RulesFile> {
    const file = new RulesFile(options);
    try {
      await file.#read();
    } catch (error) {
      const { message } = error as Error;
      const where = `proxyRules (SHARDCAST_PROXY_RULES): ${options.path}`;
      throw new ShardcastError("SHARDCAST_INVALID_CONFIG", `gateway: ${where}: ${message}`, { cause: error });
    }
    void file.#poll();
    return file;
  }

  /** Looks no more; what the file said last goes on counting. */
  close(): void {
    this.#closing.abort();
  }

  async #poll(): Promise<void> {
    const { signal } = this.#closing;
    const { pollMs = POLL_MS, path, logger } = this.#options;
    try {
      for await (const _ of setInterval(pollMs, undefined, { signal, ref: false })) {
        await this.#read().catch((error: Error) => {
          // When the reason changes, not every second.
          if (error.message !== this.#fault)
            logger.warn({ err: error, path }, "no rules of the proxy; keeping the last ones");
          this.#fault = error.message;
        });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #read(): Promise<void> {
    const { path, services, logger, onRules } = this.#options;
    const text = await readFile(path, "utf8");
    if (text === this.#text && this.#fault === undefined) return;
    const rules = parseRules(text);
    const faults = unserved(rules, services);
    if (faults.length > 0) throw new Error(faults.join("; "));
    onRules(rules);
    this.#text = text;
    this.#fault = undefined;
    logger.info({ path, rules: rules.length }, "rules of the proxy");
  }
}
