import type { LogRecord } from "@shardcast/log";
import {
  ACK_PARTITIONS,
  type AckRecord,
  type BroadcastEnvelope,
  broadcastGroupOf,
  broadcastTopicsOf,
  decodeAck,
  encodeBroadcast,
  encodeBroadcastCancel,
  newBroadcastId,
} from "@shardcast/protocol";
import { expect } from "vitest";
import type { BroadcastContext, BroadcastHandler, BroadcastMessage, HandlerResult } from "../../src/index.ts";
import { SERVICE, until, type World } from "./world.ts";

const topics = broadcastTopicsOf(SERVICE);
export const BROADCAST = topics.broadcast.name;
export const ACKS = topics.acks.name;

/** Words about one broadcast that do not depend on how busy the machine is. */
export type Word = Exclude<AckRecord, { kind: "joined" | "running" }>;

/** One call of a staged handler; it runs until the test ends it. */
export interface BroadcastCall {
  readonly message: BroadcastMessage;
  readonly context: BroadcastContext;
  end(result?: HandlerResult): void;
  fail(error: unknown): void;
}

/** A handler whose calls begin and end when the test says so. */
export class BroadcastStage {
  readonly calls: BroadcastCall[] = [];

  readonly handler: BroadcastHandler = (message, context) => {
    const { promise, resolve, reject } = Promise.withResolvers<HandlerResult>();
    this.calls.push({ message, context, end: (result) => resolve(result), fail: reject });
    return promise;
  };

  get bodies(): string[] {
    return this.calls.map(({ message }) => message.text());
  }

  /** Resolves with the nth call, counted from 1. */
  started(n: number): Promise<BroadcastCall> {
    return until(() => this.calls[n - 1] ?? expect.unreachable(`${this.calls.length} calls`));
  }
}

/** Creates the topics, as a gateway would, too. */
export async function ensureBroadcasts(world: World): Promise<void> {
  await world.log.ensureTopics(Object.values(topics));
}

/** Puts a broadcast on the log, as a gateway would. */
export async function announce(
  world: World,
  body: string,
  fields: Partial<BroadcastEnvelope> = {},
): Promise<{ readonly id: string; readonly offset: number }> {
  await ensureBroadcasts(world);
  const broadcast: BroadcastEnvelope = {
    id: newBroadcastId(),
    service: SERVICE,
    handler: "",
    headers: {},
    body: Buffer.from(body),
    acceptedMs: Date.now(),
    expiresMs: Date.now() + 3_600_000,
    ack: { kind: "all" },
    epoch: 0,
    expected: [{ member: "0" }],
    targeted: false,
    ...fields,
  };
  const offset = await world.append({ topic: BROADCAST, ...encodeBroadcast(broadcast) });
  return { id: broadcast.id, offset };
}

export async function cancelBroadcast(world: World, id: string): Promise<void> {
  await world.append({ topic: BROADCAST, ...encodeBroadcastCancel(SERVICE, id) });
}

/** Everything on `S.acks`, partition by partition. */
export function ackRecords(world: World): AckRecord[] {
  return Array.from({ length: ACK_PARTITIONS }, (_, partition) => partition)
    .flatMap((partition): LogRecord[] => world.records(ACKS, partition))
    .map(decodeAck)
    .filter((each) => each !== undefined);
}

/** What was said of a broadcast, in order. */
export function words(world: World, id: string): Word[] {
  return ackRecords(world).filter(
    (each): each is Word => each.kind !== "joined" && each.kind !== "running" && each.id === id,
  );
}

/** Resolves with the nth word about a broadcast, counted from 1. */
export function word(world: World, id: string, n = 1): Promise<Word> {
  return until(() => words(world, id)[n - 1] ?? expect.unreachable(`${words(world, id).length} words`));
}

/** How far a member's position is committed: `offset:metadata`. */
export function position(world: World, member = "0"): string | undefined {
  const progress = world.cluster.progressOf(broadcastGroupOf(SERVICE, member), BROADCAST, 0);
  return progress && `${progress.offset}:${progress.metadata}`;
}

/** Resolves when a member's position is this. */
export function positionAt(world: World, offset: number, member = "0"): Promise<void> {
  return until(() => expect(position(world, member)).toBe(`${offset}:`));
}
