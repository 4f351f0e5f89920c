import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { type Client, connect } from "@shardcast/client";
import { ControlState } from "@shardcast/control";
import type { AppendRecord, Log, LogRecord } from "@shardcast/log";
import { createMemoryLog, MemoryCluster, type MemoryClusterOptions } from "@shardcast/log/memory";
import {
  type ControlRecord,
  decodeControl,
  decodeReply,
  decodeReplyFence,
  decodeResult,
  encodeCancel,
  encodeControl,
  encodeRequest,
  headerText,
  newRequestId,
  type ReplyEnvelope,
  type RequestEnvelope,
  type ResultEnd,
  type ResultEnvelope,
  topicsOf,
} from "@shardcast/protocol";
import { type Logger, pino } from "pino";
import { onTestFinished, vi } from "vitest";
import { createWorker, type Worker, type WorkerOptions } from "../../src/index.ts";

export const SERVICE = "accounts";
export const REQUESTS = `${SERVICE}.requests`;
export const REPLIES = `${SERVICE}.replies`;
export const CONTROL = `${SERVICE}.control`;
export const DEAD = `${SERVICE}.dead`;
export const RESULTS = `${SERVICE}.results`;

/** Quick retries and commits, so that nothing waits longer than it must. */
const QUICK = { commitIntervalMs: 2, retryMinMs: 1, retryMaxMs: 2, graceMs: 60_000, leaseMs: 300 };

/** Patient, because the machine may be busy. */
const WAIT = { interval: 2, timeout: 4_000 };

/** Resolves to what a check returns once it no longer throws. */
export function until<T>(check: () => T): Promise<T> {
  return vi.waitFor(check, WAIT);
}

export interface LogLine {
  readonly msg: string;
  readonly level: number;
  readonly [field: string]: unknown;
}

/** A cluster with the topics of one service, and "processes" on it. */
export class World {
  readonly cluster: MemoryCluster;
  readonly replicas: number;
  #epoch = 0;
  /** The test's own connection. */
  readonly log: Log;
  /** What the workers logged. */
  readonly lines: LogLine[] = [];
  readonly logger: Logger = pino(
    { level: "debug" },
    { write: (line: string) => void this.lines.push(JSON.parse(line)) },
  );

  private constructor(replicas: number, options: MemoryClusterOptions) {
    this.cluster = new MemoryCluster(options);
    this.replicas = replicas;
    this.log = createMemoryLog({ cluster: this.cluster });
  }

  static async open({
    replicas = 1,
    ...options
  }: MemoryClusterOptions & { replicas?: number } = {}): Promise<World> {
    const world = new World(replicas, options);
    onTestFinished(() => world.log.close());
    await world.log.ensureTopics(Object.values(topicsOf(SERVICE, { lanes: replicas })));
    return world;
  }

  /** A worker as in a process of its own, not started; after the test that process is killed. */
  worker(options: Partial<WorkerOptions> = {}): { worker: Worker; log: Log } {
    const log = options.log ?? createMemoryLog({ cluster: this.cluster });
    const { replicas, logger } = this;
    const worker = createWorker(
      { ...QUICK, service: SERVICE, member: 0, replicas, logger, ...options, log },
      {},
    );
    onTestFinished(async () => {
      if (!this.cluster.available) this.cluster.setAvailable(true);
      await log.close();
      // the log is gone, so nothing is given back; handlers that hang are left behind
      void worker.stop();
    });
    return { worker, log };
  }

  async start(options: Partial<WorkerOptions> = {}): Promise<{ worker: Worker; log: Log }> {
    const made = this.worker(options);
    await made.worker.start();
    return made;
  }

  async client(): Promise<Client> {
    const log = createMemoryLog({ cluster: this.cluster });
    onTestFinished(() => log.close());
    const client = await connect({ log, services: { [SERVICE]: {} } });
    onTestFinished(() => client.close());
    return client;
  }

  /** Puts a request on the log, as a client would; resolves to its offset. */
  async send(key: string, body: string, fields: Partial<RequestEnvelope> = {}, lane = 0): Promise<number> {
    const request: RequestEnvelope = {
      id: newRequestId(lane),
      service: SERVICE,
      key: Buffer.from(key),
      handler: "",
      attempt: 1,
      headers: {},
      body: Buffer.from(body),
      ...fields,
    };
    return this.append({ topic: REQUESTS, partition: lane, ...encodeRequest(request) });
  }

  async append(record: Partial<AppendRecord>): Promise<number> {
    const whole = { topic: REQUESTS, partition: 0, key: null, value: null, headers: {}, ...record };
    return (await this.log.append(whole)).offset;
  }

  /** Publishes a shard map, as the planner would. */
  async publish(lanes: readonly number[]): Promise<void> {
    this.#epoch++;
    const session = await this.log.openSession({ service: SERVICE, member: "@planner", topic: REQUESTS });
    const replicas = Math.max(...lanes) + 1;
    await session.commit({
      records: [controlRecord({ kind: "map", epoch: this.#epoch, replicas, lanes: [...lanes] })],
    });
    await session.close();
  }

  /** Everything on `S.control`, in order. */
  controlRecords(): ControlRecord[] {
    return this.records(CONTROL)
      .map(decodeControl)
      .filter((each) => each !== undefined);
  }

  /** Marks on a partition of the replies: the tokens that are over. */
  fences(partition = 0): ReadonlyMap<number, number>[] {
    return this.records(REPLIES, partition)
      .map(decodeReplyFence)
      .filter((each) => each !== undefined)
      .map(({ tokens }) => tokens);
  }

  /** Resolves when a lease of this length that nobody renews is over. */
  lapsed(leaseMs: number): Promise<void> {
    return sleep(leaseMs + 1);
  }

  /** What `S.control` says, folded. */
  control(): ControlState {
    const state = new ControlState();
    for (const record of this.records(CONTROL)) {
      const control = decodeControl(record);
      if (control !== undefined) state.apply(control, record.offset);
    }
    return state;
  }

  records(topic: string, partition = 0): LogRecord[] {
    return this.cluster.partition(topic, partition)?.read(0, 1_000_000) ?? [];
  }

  /** What was replied, without the marks that fence lost owners off. */
  replies(partition = 0): LogRecord[] {
    return this.records(REPLIES, partition).filter((record) => decodeReplyFence(record) === undefined);
  }

  /** The same as who waits reads it. */
  answers(partition = 0): ReplyEnvelope[] {
    return this.replies(partition)
      .map(decodeReply)
      .filter((each) => each !== undefined);
  }

  /** Everything on `S.results` of a lane, in order. */
  results(lane = 0): ResultEnvelope[] {
    return this.records(RESULTS, lane)
      .map(decodeResult)
      .filter((each) => each !== undefined);
  }

  /** How requests of a lane ended that are recorded. */
  ends(lane = 0): ResultEnd[] {
    return this.results(lane).filter((each) => each.kind === "ended");
  }

  /** Cancels a request, as a gateway would. */
  cancel(id: string, lane = 0): Promise<number> {
    return this.append({ partition: lane, ...encodeCancel(SERVICE, id) });
  }

  /** Dead letters of lane 0, once there are so many; headers as text. */
  async dead(count: number): Promise<(LogRecord & { readonly text: Record<string, string | undefined> })[]> {
    const found = await vi.waitFor(() => {
      const records = this.records(DEAD);
      if (records.length < count) throw new Error(`${records.length} dead letters of ${count}`);
      return records;
    }, WAIT);
    return found.map((record) => ({
      ...record,
      text: Object.fromEntries(
        Object.keys(record.headers).map((name) => [name, headerText(record.headers, name)]),
      ),
    }));
  }

  /** What is committed for a lane: `offset:metadata`. */
  committed(lane = 0): string | undefined {
    const progress = this.cluster.progressOf(SERVICE, REQUESTS, lane);
    return progress && `${progress.offset}:${progress.metadata}`;
  }

  /** Resolves when a lane's committed mark is this. */
  async committedAt(offset: number, metadata = "", lane = 0): Promise<void> {
    await vi.waitFor(() => {
      const at = this.committed(lane);
      if (at !== `${offset}:${metadata}`) throw new Error(`committed ${at}, not ${offset}:${metadata}`);
    }, WAIT);
  }

  logged(msg: string): LogLine[] {
    return this.lines.filter((line) => line.msg.includes(msg));
  }
}

/** A record of the control topic. */
export function controlRecord(control: ControlRecord): AppendRecord {
  return { topic: CONTROL, partition: 0, ...encodeControl(control) };
}

/** Lets everything that can go on without a timer go on. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}
