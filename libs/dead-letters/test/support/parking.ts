import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import {
  decodeDeadLetter,
  decodeReply,
  decodeResult,
  encodeControl,
  encodeRequest,
  newRequestId,
  type RequestEnvelope,
  topicsOf,
} from "@shardcast/protocol";
import { createWorker, type Worker, type WorkerOptions } from "@shardcast/worker";
import { pino } from "pino";
import { expect, onTestFinished, vi } from "vitest";
import { openDeadLetters } from "../../src/index.ts";

export const SERVICE = "accounts";
const QUICK = {
  maxAttempts: 1,
  retryMinMs: 1,
  retryMaxMs: 2,
  commitIntervalMs: 2,
  graceMs: 60_000,
  leaseMs: 300,
};
const WAIT = { interval: 2, timeout: 8_000 };

/** A service that parks, with handlers that check that nothing of a key starts before all that was sent before it. */
export class ParkingWorld {
  readonly cluster = new MemoryCluster();
  readonly log: Log = createMemoryLog({ cluster: this.cluster });
  readonly topics = topicsOf(SERVICE, { lanes: 1 });
  /** Bodies whose handler fails. */
  readonly failing = new Set<string>();
  /** `key/number` of every call, in order. */
  readonly calls: string[] = [];
  readonly faults: string[] = [];
  readonly #done = new Map<string, Set<number>>();
  readonly #sent = new Map<string, number>();
  readonly #logs: Log[] = [];

  async open(): Promise<this> {
    onTestFinished(() => this.close());
    await this.prepare();
    return this;
  }

  async prepare(): Promise<void> {
    await this.log.ensureTopics(Object.values(this.topics));
  }

  async close(): Promise<void> {
    await Promise.all(this.#logs.map((log) => log.close()));
    await this.log.close();
  }

  /** Sends the next requests of a key; bodies are numbers from 1. */
  async send(key: string, count = 1, fields: Partial<RequestEnvelope> = {}): Promise<void> {
    for (let i = 0; i < count; i++) {
      const number = (this.#sent.get(key) ?? 0) + 1;
      this.#sent.set(key, number);
      const request = {
        ...{ id: newRequestId(0), service: SERVICE, key: Buffer.from(key), handler: "", attempt: 1 },
        ...{ headers: {}, body: Buffer.from(String(number)), ...fields },
      };
      await this.log.append({ topic: this.topics.requests.name, partition: 0, ...encodeRequest(request) });
    }
  }

  /** A process of its own; `kill` ends it as a crash does. */
  async start(options: Partial<WorkerOptions> = {}): Promise<{ worker: Worker; kill: () => Promise<void> }> {
    const log = options.log ?? createMemoryLog({ cluster: this.cluster });
    this.#logs.push(log);
    const worker = createWorker(
      {
        ...QUICK,
        ...{ service: SERVICE, lanes: 1, replicas: 1, member: "0", podUid: "p", onExhausted: "park" },
        logger: pino({ level: "silent" }),
        defaultHandler: (request) => this.handle(request.key, Number(request.text())),
        ...options,
        log,
      },
      {},
    );
    await worker.start();
    const kill = async () => {
      await log.close();
      void worker.stop();
    };
    return { worker, kill };
  }

  /** A connection to which what is on the dead letters is told late. */
  late(): Log {
    const log = createMemoryLog({ cluster: this.cluster });
    const openReader: Log["openReader"] = async (options) => {
      if (!options.topics.includes(this.topics.dead.name)) return log.openReader(options);
      let told = Promise.resolve();
      const onRecords: typeof options.onRecords = (records) => {
        told = told.then(() => sleep(20)).then(() => options.onRecords(records));
      };
      const reader = await log.openReader({ ...options, onRecords });
      const reached: typeof reader.reached = async (...where) => {
        await reader.reached(...where);
        await told;
      };
      return new Proxy(reader, {
        get: (each, name) => (name === "reached" ? reached : bound(each, name)),
      });
    };
    return new Proxy(log, { get: (each, name) => (name === "openReader" ? openReader : bound(each, name)) });
  }

  async letters() {
    const log = createMemoryLog({ cluster: this.cluster });
    this.#logs.push(log);
    return openDeadLetters(log, { service: SERVICE, lanes: 1 });
  }

  /** Gives lane 0 to a member, as the planner would. */
  async publish(epoch: number, member: number): Promise<void> {
    const { requests, control } = this.topics;
    const session = await this.log.openSession({
      service: SERVICE,
      member: "@planner",
      topic: requests.name,
    });
    const map = encodeControl({ kind: "map", epoch, replicas: 2, lanes: [member] });
    await session.commit({ records: [{ topic: control.name, partition: 0, ...map }] });
    await session.close();
  }

  /** Bodies and codes of all letters of a key so far, in their order. */
  dead(key: string): string[] {
    return this.#read(this.topics.dead.name).flatMap((record) => {
      const letter = decodeDeadLetter(record);
      if (letter?.key?.toString() !== key) return [];
      return [
        `${letter.body} ${letter.why.code.slice("SHARDCAST_".length)}${letter.why.parked ? " parked" : ""}`,
      ];
    });
  }

  replies() {
    return this.#read(this.topics.replies.name).flatMap((record) => decodeReply(record) ?? []);
  }

  /** How recorded requests ended. */
  ends() {
    return this.#read(this.topics.results.name).flatMap((record) => decodeResult(record) ?? []);
  }

  sent(key: string): number {
    return this.#sent.get(key) ?? 0;
  }

  /** Nobody has to wait for these any more. */
  discarded(key: string, ...numbers: number[]): void {
    const done = this.#done.get(key) ?? new Set();
    this.#done.set(key, done);
    for (const number of numbers) done.add(number);
  }

  done(key: string): number {
    return this.#done.get(key)?.size ?? 0;
  }

  /** Resolves when all requests on the log so far are done. */
  async idle(): Promise<void> {
    const end = this.cluster.partition(this.topics.requests.name, 0)?.end ?? 0;
    await this.until(() =>
      expect(
        this.cluster.progressOf(SERVICE, this.topics.requests.name, 0)?.offset ?? 0,
      ).toBeGreaterThanOrEqual(end),
    );
  }

  until<T>(check: () => T): Promise<T> {
    return vi.waitFor(check, WAIT);
  }

  handle(key: string, number: number): string {
    const done = this.#done.get(key) ?? new Set();
    this.#done.set(key, done);
    this.calls.push(`${key}/${number}`);
    for (let before = 1; before < number; before++) {
      if (!done.has(before)) this.faults.push(`${key}/${number} started before ${before} was done`);
    }
    if (this.failing.has(`${key}/${number}`)) throw new Error("broken");
    done.add(number);
    return "done";
  }

  #read(topic: string) {
    return this.cluster.partition(topic, 0)?.read(0, 1_000_000) ?? [];
  }
}

function bound(whole: object, name: string | symbol): unknown {
  const member = Reflect.get(whole, name);
  return typeof member === "function" ? member.bind(whole) : member;
}
