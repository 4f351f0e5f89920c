import type { CleanupPolicy, TopicSpec } from "@shardcast/protocol";
import { onTestFinished } from "vitest";
import type { AppendRecord } from "../append-record.ts";
import type { Log } from "../log.ts";
import type { LogReader, ReaderOptions } from "../reader.ts";
import type { LaneProgress, MemberSession } from "../session.ts";
import { Collector } from "./collector.ts";
import type { LogFeatures, LogFixture } from "./fixture.ts";

/** What the tests share: one connection for where it does not matter, and helpers that clean up after themselves. */
export class SuiteContext {
  readonly features: LogFeatures;
  #fixture: LogFixture | undefined;
  #log: Log | undefined;

  constructor(features: LogFeatures) {
    this.features = features;
  }

  async begin(fixture: LogFixture): Promise<void> {
    this.#fixture = fixture;
    this.#log = await fixture.open();
  }

  async end(): Promise<void> {
    await this.#log?.close();
    await this.#fixture?.close();
  }

  get fixture(): LogFixture {
    if (this.#fixture === undefined) throw new Error("the fixture is not set up");
    return this.#fixture;
  }

  /** The shared connection. Tests that close or interrupt it open one of their own. */
  get log(): Log {
    if (this.#log === undefined) throw new Error("the fixture is not set up");
    return this.#log;
  }

  /** A connection of the test's own, closed after it. */
  async open(): Promise<Log> {
    const log = await this.fixture.open();
    onTestFinished(() => log.close());
    return log;
  }

  spec(partitions: number, cleanup: CleanupPolicy = "delete"): TopicSpec {
    return { name: this.fixture.topicName(), partitions, cleanup };
  }

  async topic(partitions = 1): Promise<string> {
    const spec = this.spec(partitions);
    await this.log.ensureTopics([spec]);
    return spec.name;
  }

  /** A reader of one topic, closed after the test, and what it delivered. `onRecords` sees each delivery first. */
  async reader(
    topic: string,
    { log = this.log, onRecords, ...options }: { log?: Log } & Partial<Omit<ReaderOptions, "topics">> = {},
  ): Promise<{ reader: LogReader; got: Collector }> {
    const got = new Collector();
    const reader = await log.openReader({
      topics: [topic],
      ...options,
      onRecords(records) {
        onRecords?.(records);
        got.add(records);
      },
    });
    onTestFinished(() => reader.close());
    return { reader, got };
  }

  /** A service of the test's own, with so many lanes of ten records each. */
  async service(lanes = 1): Promise<TestService> {
    const topic = await this.topic(lanes);
    for (let lane = 0; lane < lanes; lane++) await this.appendTexts(topic, lane, numbered("r", 10));
    const service = `s-${topic}`;
    return {
      topic,
      service,
      open: async (member = "0", log = this.log) => {
        const session = await log.openSession({ service, member, topic });
        onTestFinished(() => session.close());
        return session;
      },
      progress: async (log = this.log) => [...(await log.progressOf(service, topic)).values()],
    };
  }

  /** Appends texts to a partition one after another without waiting for each; resolves to their offsets. */
  async appendTexts(
    topic: string,
    partition: number,
    texts: readonly string[],
    log: Log = this.log,
  ): Promise<number[]> {
    const confirmed = await Promise.all(texts.map((text) => log.append(textRecord(topic, partition, text))));
    return confirmed.map(({ offset }) => offset);
  }

  /**
   * Appends markers to a partition and waits for each: whoever is silent after that was given time to speak. Several,
   * because one may overtake what another partition or another reader is about to deliver.
   */
  async letTimePass(topic: string, partition: number, got: Collector): Promise<string[]> {
    const markers = numbered("marker", 3);
    for (const marker of markers) {
      await this.appendTexts(topic, partition, [marker]);
      await got.text(marker);
    }
    return markers;
  }
}

export interface TestService {
  readonly topic: string;
  readonly service: string;
  /** Opens a session, closed after the test; this also settles what the one before of the same name had begun. */
  open(member?: string, log?: Log): Promise<MemberSession>;
  /** What was committed, by lane. */
  progress(log?: Log): Promise<LaneProgress[]>;
}

export function textRecord(topic: string, partition: number, text: string): AppendRecord {
  return { topic, partition, key: Buffer.from("key"), value: Buffer.from(text), headers: {} };
}

/** `["<name>0", "<name>1", …]` */
export function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name}${i}`);
}
