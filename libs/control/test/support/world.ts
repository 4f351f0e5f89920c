import type { Log, LogRecord, MemberSession } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import {
  type ControlRecord,
  decodeControl,
  decodeReplyFence,
  encodeControl,
  type ServiceTopics,
  topicsOf,
} from "@shardcast/protocol";
import { type Logger, pino } from "pino";
import { onTestFinished, vi } from "vitest";
import {
  type Directory,
  openDirectory,
  type Planner,
  type PlannerOptions,
  startPlanner,
} from "../../src/index.ts";
import { beat, owned, released, up } from "./records.ts";

export const SERVICE = "accounts";
const PREFIX = "test.";
const STEP_MS = 50;

/** The twin's readers deliver by setImmediate, which is never faked. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Timers stand still until {@link pass} moves them. */
export function holdTime(): void {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
  });
  onTestFinished(() => void vi.useRealTimers());
}

/** Lets so much time go by, in small steps, and what happens in each come to rest. */
export async function pass(ms: number): Promise<void> {
  await settle();
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    vi.advanceTimersByTime(Math.min(STEP_MS, ms - passed));
    await settle();
  }
}

/** Lets time go by until it holds. */
export async function passUntil(condition: () => boolean, limitMs = 60_000): Promise<void> {
  for (let passed = 0; !condition(); passed += STEP_MS) {
    if (passed > limitMs) throw new Error(`does not hold after ${limitMs} ms`);
    await pass(STEP_MS);
  }
}

/** The log of a process that may be cut off: its readers get nothing, and its heartbeats fail. */
export class HeldLog {
  readonly log: Log;
  #held: (() => void)[] | undefined;

  constructor(inner: Log) {
    this.log = {
      ...inner,
      get available() {
        return inner.available;
      },
      append: async (record) => {
        if (this.#held !== undefined) throw new Error("cut off");
        return inner.append(record);
      },
      openReader: (options) =>
        inner.openReader({
          ...options,
          onRecords: (records) => {
            if (this.#held === undefined) options.onRecords(records);
            else this.#held.push(() => options.onRecords(records));
          },
        }),
    };
  }

  hold(): void {
    this.#held ??= [];
  }

  letGo(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const deliver of held) deliver();
  }
}

/** A cluster with one service, and processes that take part by hand. */
export class World {
  readonly cluster = new MemoryCluster();
  readonly log: Log;
  readonly topics: ServiceTopics;
  readonly logged: Record<string, unknown>[] = [];
  readonly logger: Logger;

  private constructor(lanes: number) {
    this.log = this.connect();
    this.topics = topicsOf(SERVICE, { lanes, prefix: PREFIX });
    this.logger = pino({ level: "debug" }, { write: (line) => void this.logged.push(JSON.parse(line)) });
  }

  static async open(lanes = 24): Promise<World> {
    const world = new World(lanes);
    await world.log.ensureTopics(Object.values(world.topics));
    return world;
  }

  /** A connection of another process. */
  connect(): Log {
    const log = createMemoryLog({ cluster: this.cluster });
    onTestFinished(() => log.close());
    return log;
  }

  async directory(log: Log = this.connect()): Promise<Directory> {
    const directory = await openDirectory(log, {
      service: SERVICE,
      topicPrefix: PREFIX,
      logger: this.logger,
    });
    onTestFinished(() => directory.close());
    return directory;
  }

  async planner(
    options: Pick<PlannerOptions, "replicas"> & Partial<PlannerOptions>,
    log: Log = this.connect(),
  ): Promise<Planner> {
    const planner = startPlanner({
      log,
      directory: await this.directory(log),
      service: SERVICE,
      topicPrefix: PREFIX,
      lanes: this.topics.requests.partitions,
      logger: this.logger,
      ...options,
    });
    onTestFinished(() => planner.close());
    return planner;
  }

  session(member: string, log: Log = this.log): Promise<MemberSession> {
    return log.openSession({ service: `${PREFIX}${SERVICE}`, member, topic: this.topics.requests.name });
  }

  commit(session: MemberSession, ...records: ControlRecord[]): ReturnType<MemberSession["commit"]> {
    const { name: topic } = this.topics.control;
    return session.commit({
      records: records.map((record) => ({ topic, partition: 0, ...encodeControl(record) })),
    });
  }

  append(...records: ControlRecord[]): Promise<unknown> {
    const { name: topic } = this.topics.control;
    return Promise.all(
      records.map((record) => this.log.append({ topic, partition: 0, ...encodeControl(record) })),
    );
  }

  /** Everything on the control topic. */
  records(): ControlRecord[] {
    return this.#read(this.topics.control.name, 0).flatMap((record) => decodeControl(record) ?? []);
  }

  of<K extends ControlRecord["kind"]>(kind: K): Extract<ControlRecord, { kind: K }>[] {
    return this.records().filter(
      (record): record is Extract<ControlRecord, { kind: K }> => record.kind === kind,
    );
  }

  /** Lane to token of every mark, by partition of the replies. */
  marks(): Record<string, number>[][] {
    const { name, partitions } = this.topics.replies;
    return Array.from({ length: partitions }, (_, partition) =>
      this.#read(name, partition).map((record) => Object.fromEntries(decodeReplyFence(record)?.tokens ?? [])),
    );
  }

  #read(topic: string, partition: number): LogRecord[] {
    return this.cluster.partition(topic, partition)?.read(0, 100_000) ?? [];
  }
}

/** One replica, made by hand: it owns what the test says, and beats while it is not silenced. */
export class Replica {
  readonly member: string;
  readonly #world: World;
  #session: MemberSession | undefined;
  #incarnation = "";
  #beats: NodeJS.Timeout | undefined;

  constructor(world: World, member: string) {
    this.#world = world;
    this.member = member;
    onTestFinished(() => this.silence());
  }

  static async start(world: World, ordinal: number, lanes: readonly number[] = []): Promise<Replica> {
    const replica = new Replica(world, String(ordinal));
    await replica.comeUp("a");
    await replica.claim(lanes);
    return replica;
  }

  get session(): MemberSession {
    if (this.#session === undefined) throw new Error("not up");
    return this.#session;
  }

  async comeUp(life: string): Promise<void> {
    this.#incarnation = `${this.member}${life}`;
    this.#session = await this.#world.session(this.member);
    await this.#world.commit(this.session, up(this.member, { incarnation: this.#incarnation }));
    this.beat();
  }

  beat(): void {
    clearInterval(this.#beats);
    const once = () => this.#world.append(beat(this.member, this.#incarnation)).catch(() => undefined);
    this.#beats = setInterval(once, 1_000);
  }

  silence(): void {
    clearInterval(this.#beats);
  }

  claim(lanes: readonly number[]): Promise<unknown> {
    const incarnation = this.#incarnation;
    return this.#world.commit(
      this.session,
      ...lanes.map((lane) => owned(lane, this.member, { incarnation })),
    );
  }

  release(lanes: readonly number[]): Promise<unknown> {
    return this.#world.commit(this.session, ...lanes.map((lane) => released(lane, this.member)));
  }

  /** Leaves in order. */
  async leave(lanes: readonly number[] = []): Promise<void> {
    await this.release(lanes);
    const incarnation = this.#incarnation;
    await this.#world.commit(this.session, {
      kind: "member",
      state: "left",
      member: this.member,
      incarnation,
    });
    this.silence();
    await this.session.close();
  }
}
