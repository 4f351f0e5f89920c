import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { CALLBACK_LANES, callbackTopicsOf, encodeCallback, newId, type ResultEnd } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import type { Resolve } from "../../../src/callbacks/addresses.ts";
import { Callbacks, type CallbacksOptions } from "../../../src/callbacks/callbacks.ts";
import { type Settings, settingsFor } from "./settings.ts";

export const SERVICE = "accounts";

export interface Owed {
  readonly key?: string;
  readonly body?: string | Buffer;
  readonly url: string;
}

/** Puts the callback of a request that has ended on the log, as its owner does with the result. Resolves to its id. */
export async function owe(log: Log, { key = "4711", body = "{}", url }: Owed, prefix = ""): Promise<string> {
  const request = {
    id: newId(),
    service: SERVICE,
    key: Buffer.from(key),
    handler: "deposit",
    callbackUrl: url,
    attempt: 1,
    headers: {},
    body: Buffer.alloc(0),
  };
  const result: ResultEnd = {
    kind: "ended",
    id: request.id,
    fencingToken: 1,
    delivery: 1,
    atMs: Date.now(),
    end: "replied",
    fingerprint: "f",
    attempts: 1,
    status: 200,
    contentType: "application/json",
    headers: {},
    body: Buffer.from(body),
  };
  await log.append(encodeCallback(request, result, murmur2Lane(key, CALLBACK_LANES), prefix));
  return request.id;
}

/** A cluster with the topics of callbacks, and the log of the service's owner. */
export async function openWorld(): Promise<{ cluster: MemoryCluster; log: Log }> {
  const cluster = new MemoryCluster();
  const log = createMemoryLog({ cluster });
  onTestFinished(() => log.close());
  await log.ensureTopics(Object.values(callbackTopicsOf(SERVICE)));
  return { cluster, log };
}

export interface Gateway {
  readonly callbacks: Callbacks;
  /** Makes it the one that plans, or not any more. */
  plan(planning: boolean): void;
}

export interface GatewayOptions extends Partial<Omit<CallbacksOptions, "settings" | "resolve">> {
  readonly log: Log;
  readonly settings?: Partial<Settings>;
  /** What `hook.test` is to it: tells in the receiver who called. */
  readonly at?: string;
}

/** The callbacks of one gateway, on a log of its own; closed after the test. */
export function startCallbacks(hosts: readonly string[], options: GatewayOptions): Gateway {
  const { settings, at = "127.0.0.1", ...rest } = options;
  let planning = false;
  const resolve: Resolve = async () => [{ address: at, family: 4 }];
  const callbacks = new Callbacks({
    service: SERVICE,
    topicPrefix: "",
    isPlanning: () => planning,
    graceMs: 1_000,
    logger: pino({ level: "silent" }),
    checkMs: 2,
    ...rest,
    settings: settingsFor(hosts, settings),
    resolve,
  });
  onTestFinished(async () => {
    await callbacks.close();
    await options.log.close();
  });
  return {
    callbacks,
    plan: (value) => {
      planning = value;
    },
  };
}
