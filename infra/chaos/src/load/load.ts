import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "@shardcast/infra-random";
import pLimit from "p-limit";
import type { CallerOutcome, RecordedOutcome } from "../checker/history.ts";
import { hostMs } from "../host-clock.ts";
import { conclude } from "./conclude.ts";
import { spreadKeys } from "./keys.ts";
import { post } from "./post.ts";
import { askAgain, callRecorded } from "./recorded.ts";
import { drawCall } from "./work.ts";

export interface LoadOptions {
  readonly gateways: readonly string[];
  readonly service: string;
  readonly lanes: number;
  readonly seed: number;
  readonly keys: number;
  /** Over all keys together. */
  readonly perSecond: number;
  /** No caller gives up early. */
  readonly patient: boolean;
  /** Of every so many keys, one has its requests recorded: each costs a commit. */
  readonly recordedEvery: number;
}

export interface Load {
  readonly outcomes: readonly CallerOutcome[];
  readonly recorded: readonly RecordedOutcome[];
  /** Begins no request any more; resolves when all have ended. */
  stop(): Promise<void>;
  /** Asks every gateway for what is recorded; when everything has ended. */
  askAgain(): Promise<void>;
}

/** Of every so many keys, one does not wait for answers. */
const PIPELINED = 10;
const MAX_PIPELINED = 8;
/** Questions at once in the end. */
const ASKING = 16;
/** Wait of a caller whose request came to nothing, before it goes to the other gateway. */
const PAUSE_MS = 200;
const PATIENT_MS = 30_000;

/** Callers, one per key, over both gateways. Most send a request when the last one has ended. */
export function startLoad(options: LoadOptions): Load {
  const { gateways, service, lanes, seed, keys: count, perSecond, patient, recordedEvery } = options;
  const outcomes: CallerOutcome[] = [];
  const recorded: RecordedOutcome[] = [];
  const pace = pacer(perSecond);
  let stopped = false;

  async function ask(key: string, n: number, random: Random, gateway: string): Promise<CallerOutcome> {
    const call = drawCall(n, random);
    const { work } = call;
    const timeoutMs = patient ? Math.max(call.timeoutMs, PATIENT_MS) : call.timeoutMs;
    const sentMs = hostMs();
    const posted = await post(`${gateway}/v1/${service}/keys/${key}`, JSON.stringify(work), timeoutMs);
    const outcome = { key, n, sentMs, endedMs: hostMs(), conclusion: conclude(posted) };
    outcomes.push(outcome);
    return outcome;
  }

  async function recordingCaller(key: string, index: number): Promise<void> {
    const random = new Random(seed + 7_919 * (index + 1));
    for (let n = 1; !stopped; n++) {
      await pace();
      if (stopped) break;
      recorded.push(await callRecorded({ gateways, service, key, n, random }));
    }
  }

  async function caller(key: string, index: number): Promise<void> {
    if (index % recordedEvery === recordedEvery - 1) return recordingCaller(key, index);
    const random = new Random(seed + 7_919 * (index + 1));
    let gateway = index % gateways.length;
    const underWay = new Set<Promise<unknown>>();
    const limit = index % PIPELINED === 0 ? MAX_PIPELINED : 1;
    for (let n = 1; !stopped; n++) {
      await pace();
      if (stopped) break;
      // Whatever came of it has taken its number: the next one is a new one, at the other gateway.
      const asked = ask(key, n, random, gateways[gateway] as string).then(async ({ conclusion }) => {
        if (conclusion.kind === "done" || conclusion.kind === "failed") return;
        gateway = (gateway + 1) % gateways.length;
        await sleep(PAUSE_MS);
      });
      underWay.add(asked);
      asked.finally(() => underWay.delete(asked));
      while (underWay.size >= limit) await Promise.race(underWay);
    }
    await Promise.all(underWay);
  }

  const ended = Promise.all(spreadKeys(count, lanes).map(caller));
  return {
    outcomes,
    recorded,
    async stop() {
      stopped = true;
      await ended;
    },
    async askAgain() {
      const limit = pLimit(ASKING);
      const asked = recorded.map((outcome) => limit(() => askAgain({ gateways, service }, outcome)));
      recorded.splice(0, recorded.length, ...(await Promise.all(asked)));
    },
  };
}

/** Lets callers through one after another, at this rate at most; what was not used is not made up for. */
function pacer(perSecond: number): () => Promise<void> {
  const everyMs = 1_000 / perSecond;
  let nextMs = 0;
  return async () => {
    const nowMs = hostMs();
    nextMs = Math.max(nextMs + everyMs, nowMs);
    await sleep(nextMs - nowMs);
  };
}
